// millpond.hpp: process and thread pools for C++17 and later, on top of millpond.h.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_HPP
#define MILLPOND_HPP

#include <millpond/call.hpp>
#include <millpond/config.hpp>
#include <millpond/error.hpp>
#include <millpond/future.hpp>
#include <millpond/group.hpp>
#include <millpond/options.hpp>
#include <millpond/pool.hpp>
#include <millpond/result.hpp>
#include <millpond/serialize.hpp>
#include <millpond/task.hpp>

#endif
