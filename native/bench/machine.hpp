// What the machine says about itself and this process; empty or 0 where it does not.
#pragma once

#include <cstddef>
#include <string>

namespace rssfix::bench {

std::string processor();
std::string system_name();
unsigned cores();
std::size_t resident_bytes();
std::size_t peak_bytes();

} // namespace rssfix::bench
