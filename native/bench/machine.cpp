#include "machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace rssfix::bench {
namespace {

// What follows the colon of the first line that begins with `key`.
std::string field(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, key.size(), key) == 0)
      if (const auto colon = line.find(':'); colon != std::string::npos)
        return line.substr(line.find_first_not_of(" \t", colon + 1));
  return {};
}

std::size_t status_bytes(const char* key) {
  const std::string kib = field("/proc/self/status", key);
  return kib.empty() ? 0 : static_cast<std::size_t>(std::stoul(kib)) * 1024;
}

} // namespace

std::string processor() {
  for (const char* key : {"model name", "Model"})
    if (std::string found = field("/proc/cpuinfo", key); !found.empty())
      return found;
  utsname names{};
  return uname(&names) == 0 ? names.machine : "unknown processor";
}

std::string system_name() {
  utsname names{};
  if (uname(&names) != 0)
    return "unknown system";
  return std::string(names.sysname) + " " + names.release + " " + names.machine;
}

unsigned cores() {
  return std::thread::hardware_concurrency();
}

std::size_t resident_bytes() {
  return status_bytes("VmRSS");
}

std::size_t peak_bytes() {
  return status_bytes("VmHWM");
}

} // namespace rssfix::bench
