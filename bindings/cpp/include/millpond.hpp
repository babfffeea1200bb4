// millpond.hpp: process and thread pools for C++17 and later, on top of millpond.h.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_HPP
#define MILLPOND_HPP

#include <millpond/broadcast.hpp>
#include <millpond/call.hpp>
#include <millpond/config.hpp>
#include <millpond/coroutine.hpp>
#include <millpond/error.hpp>
#include <millpond/future.hpp>
#include <millpond/group.hpp>
#include <millpond/imap.hpp>
#include <millpond/join.hpp>
#include <millpond/local.hpp>
#include <millpond/log.hpp>
#include <millpond/loops.hpp>
#include <millpond/map.hpp>
#include <millpond/mutex.hpp>
#include <millpond/numbers.hpp>
#include <millpond/options.hpp>
#include <millpond/periodic.hpp>
#include <millpond/pool.hpp>
#include <millpond/queue.hpp>
#include <millpond/result.hpp>
#include <millpond/serialize.hpp>
#include <millpond/shared.hpp>
#include <millpond/sort.hpp>
#include <millpond/spawn.hpp>
#include <millpond/starmap.hpp>
#include <millpond/stop.hpp>
#include <millpond/sync.hpp>
#include <millpond/task.hpp>
#include <millpond/then.hpp>
#include <millpond/wait.hpp>

#endif
