// Reading the vectors of tests/golden, which the C and Python tests read too.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "levels.hpp"

namespace rssfix {

using nlohmann::json;

// Nested arrays in C order; null becomes `null`.
template <class T> void flatten(const json& values, T null, std::vector<T>& flat) {
  if (values.is_array())
    for (const json& value : values)
      flatten(value, null, flat);
  else
    flat.push_back(values.is_null() ? null : values.get<T>());
}

template <class T> std::vector<T> flat(const json& values, T null = T()) {
  std::vector<T> result;
  flatten(values, null, result);
  return result;
}

template <class Test> void for_each_case(const char* kernel, Test&& test) {
  std::ifstream file(std::string(RSSFIX_GOLDEN_DIR) + "/" + kernel + ".json");
  REQUIRE(file);
  const json cases = json::parse(file);
  REQUIRE(!cases.empty());
  at_every_level([&] {
    for (const json& one : cases) {
      CAPTURE(one["name"].get<std::string>());
      test(one);
    }
  });
}

template <class Found, class Expected>
void check_close(const Found& found, const Expected& expected, double relative, double absolute) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double want = static_cast<double>(expected[i]);
    const double got = static_cast<double>(found[i]);
    if (std::isinf(want))
      CHECK(got == want);
    else
      CHECK(std::fabs(got - want) <= absolute + relative * std::fabs(want));
  }
}

// FNV-1a of results, for comparing the faces of the library to the bit: a line for every case in
// the file that the environment names.
class Digest {
 public:
  template <class Values> Digest& add(const Values& values) {
    for (const auto& value : values) {
      unsigned char bytes[sizeof value];
      std::memcpy(bytes, &value, sizeof value);
      for (const unsigned char byte : bytes)
        hash_ = (hash_ ^ byte) * 1099511628211U;
    }
    return *this;
  }

  void note(const char* kernel, const json& one) const {
    const char* const path = std::getenv("RSSFIX_GOLDEN_DIGESTS");
    if (path == nullptr)
      return;
    std::FILE* const file = std::fopen(path, "a");
    REQUIRE(file != nullptr);
    std::fprintf(file, "%s|%s|%s|%016llx\n", kernel, one["name"].get<std::string>().c_str(),
        name(simd_level()), static_cast<unsigned long long>(hash_));
    std::fclose(file);
  }

 private:
  std::uint64_t hash_ = 14695981039346656037U;
};

} // namespace rssfix
