# What a program that links libmillpond.a needs besides: Rust's own list for a static library (a test compares), less
# libc and the unwinder, which every compiler driver adds in the form that fits. As flags, since a bare name such as
# `m` would mean a target of the consumer's if it has one.
set(MILLPOND_SYSTEM_LIBS -lpthread -ldl -lm -lrt -lutil)
