// A simulated building with a walk through it: the workload of rssfix_bench.
#pragma once

#include <cstdint>
#include <vector>

#include "rssfix.h"

namespace rssfix::bench {

struct Step {
  std::int64_t timestamp_ms;
  double x_m;
  double y_m;
  std::int32_t floor;
  std::vector<rssfix_reading> readings;
};

// Four floors of 60 m x 40 m at 0.5 m with 40 access points each, of which about a quarter is heard
// (path loss exponent 3, 15 dB a floor, deviation 5 dB, nothing below -90 dBm); the walk goes along
// the corridors at 1 m/s, a scan every 2 s, and changes floors three times.
class Building {
 public:
  explicit Building(bool by_ranks);
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;

  const rssfix_site& site() const { return site_; }
  const std::vector<Step>& walk() const { return walk_; }
  // Of everything that the site points to: what lies in flash.
  std::size_t bytes() const;

 private:
  void make_walk();

  std::vector<std::uint64_t> ap_id_;
  std::vector<double> ap_xy_m_;
  std::vector<std::int32_t> ap_floor_;
  std::vector<rssfix_floor> floors_;
  rssfix_site site_{};
  std::vector<Step> walk_;
};

} // namespace rssfix::bench
