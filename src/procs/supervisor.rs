//! The thread in the host that sees to everything that nobody waits for: deaths and births, results
//! without a waiter, what waits for a slot, limits, the end.

use super::{engine::ProcessEngine, layout::LEAVE, window::Load, word::Phase};
use crate::{
    pool::{
        core::Core,
        engine::Engine,
        status::{self, Error},
    },
    support::sync::{Arc, Ordering, lock},
    sys::{
        clock,
        poll::{PollFd, poll},
    },
};
use std::time::{Duration, Instant};

/// How long the workers of a terminated pool may take to leave.
const GRACE: Duration = Duration::from_secs(1);

/// What the thread remembers from one round to the next.
struct Rounds {
    /// When a terminated pool began to leave.
    leaving_since: Option<Instant>,
    /// The last audit.
    audited: Instant,
}

/// What the thread does from the pool's creation until all processes have gone.
pub fn run(core: &Arc<Core>, engine: &ProcessEngine) {
    let mut rounds = Rounds { leaving_since: None, audited: Instant::now() };
    loop {
        let wait = engine.tend(core, &mut rounds);
        if engine.is_over() {
            break;
        }
        let mut fds = vec![PollFd::new(engine.bell.fd(), false)];
        engine.add_fds(&mut fds);
        poll(&mut fds, wait);
        engine.bell.clear();
        engine.memory.bell().swap(0, Ordering::SeqCst);
    }
    engine.gone.store(1, Ordering::SeqCst);
    engine.gone.wake_all();
}

/// The earlier of two times, if there are any.
fn sooner(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl ProcessEngine {
    fn add_fds(&self, fds: &mut Vec<PollFd>) {
        let state = lock(&self.fleet.state);
        for zygote in &state.zygotes {
            fds.extend(zygote.poll_fds());
            if self.fleet.tails.is_on() {
                let readers = (0..state.members.len()).filter_map(|at| zygote.stderr(at as u32));
                fds.extend(readers.map(|reader| PollFd::new(reader.fd(), false)));
            }
        }
    }

    /// Does all there is to do; how long until there may be more without anybody ringing.
    fn tend(&self, core: &Core, rounds: &mut Rounds) -> Option<Duration> {
        if self.fleet.tails.is_on() {
            for worker in 0..self.memory.layout.workers {
                self.fleet.drain_stderr(worker);
            }
        }
        self.fleet.look_for_ready();
        let zygotes = lock(&self.fleet.state).zygotes.clone();
        for zygote in &zygotes {
            zygote.flush();
            while let Some(report) = zygote.receive() {
                self.hear(core, zygote, report);
            }
        }
        self.dismiss_old_zygotes();
        self.harvest(core);
        if self.backlog.load(Ordering::Relaxed) {
            self.feed(core);
            self.harvest(core);
        }
        if core.is_terminated() {
            // Also what crossed it: a callback may have submitted, a death may have returned.
            self.end_all(core, || Error::from(status::TERMINATED));
            self.audit(core);
        }
        let mut wait =
            sooner(self.audit_while_busy(core, &mut rounds.audited), self.split_pieces());
        wait = sooner(wait, self.respawn());
        wait = sooner(wait, self.enforce_time_limits());
        sooner(wait, self.see_off(core, &mut rounds.leaving_since))
    }

    /// Those from which no worker is left are told to go.
    fn dismiss_old_zygotes(&self) {
        let state = lock(&self.fleet.state);
        let Some((_, old)) = state.zygotes.split_last() else { return };
        for zygote in old {
            let mut alive = state.members.iter().filter(|member| member.alive);
            if !alive
                .any(|member| member.zygote.as_ref().is_some_and(|one| Arc::ptr_eq(one, zygote)))
            {
                zygote.quit();
            }
        }
    }

    /// Asks for the workers whose time has come.
    fn respawn(&self) -> Option<Duration> {
        let mut state = lock(&self.fleet.state);
        let now = Instant::now();
        let mut wait = None;
        for index in 0..state.members.len() {
            let Some(due) = state.members[index].due else { continue };
            if state.leaving || !self.fleet.is_short(&state) {
                self.fleet.vacate(index);
                state.members[index].due = None;
            } else if due <= now {
                self.fleet.spawn(&mut state, index);
            } else {
                wait = sooner(wait, Some(due - now));
            }
        }
        wait
    }

    /// Kills what has run for too long. While there is anything with a limit, looks again when the
    /// first may have, or when one that starts now would have.
    fn enforce_time_limits(&self) -> Option<Duration> {
        if !self.has_limits.load(Ordering::SeqCst) {
            return None;
        }
        let mut over = Vec::new();
        let mut left = u64::MAX;
        {
            let window = lock(&self.window);
            let now = clock::now();
            for (number, info) in window.infos.iter().enumerate() {
                if info.limit == 0 || matches!(info.load, Load::None) {
                    continue;
                }
                let slot = &self.memory.slots()[number];
                let started = slot.started_at.load(Ordering::Relaxed);
                let runs =
                    slot.word.read().phase() == Phase::Started && (1..=now).contains(&started);
                let ran = if runs { now - started } else { 0 };
                if ran < info.limit {
                    left = left.min(info.limit - ran);
                } else {
                    over.push((number as u32, info.generation, info.limit));
                }
            }
            self.looks_within.store(left, Ordering::SeqCst);
        }
        for (number, generation, limit) in over {
            let text = format!("the task ran longer than {} ms", limit / 1_000_000);
            self.kill_slot(number, generation, Error::new(status::TIME_LIMIT, text));
        }
        (left < u64::MAX).then(|| Duration::from_nanos(left.max(1_000_000)))
    }

    /// Once the pool is finished: sends everybody home. In a terminated pool whoever is still
    /// there after a while is killed, also when it cannot be told what he is at.
    fn see_off(&self, core: &Core, since: &mut Option<Instant>) -> Option<Duration> {
        if self.is_finished() {
            let mut state = lock(&self.fleet.state);
            if !std::mem::replace(&mut state.leaving, true) {
                for index in 0..state.members.len() {
                    self.fleet.order(index, LEAVE);
                }
                for zygote in &state.zygotes {
                    zygote.quit();
                }
            }
        }
        if !core.is_terminated() {
            return None;
        }
        let left = GRACE.saturating_sub(since.get_or_insert_with(Instant::now).elapsed());
        if left.is_zero() {
            self.fleet.abandon();
            return None;
        }
        Some(left)
    }

    /// Whether the pool is finished and all processes have gone.
    fn is_over(&self) -> bool {
        self.is_finished() && lock(&self.fleet.state).zygotes.is_empty()
    }
}
