#include "building.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace rssfix::bench {
namespace {

constexpr int floor_count = 4;
constexpr int aps_per_floor = 40;
constexpr double east_m = 60;
constexpr double north_m = 40;

// SPEC 5.5: very weak to very strong.
constexpr double edges_dbm[] = {-90, -80, -70, -60, -50};
constexpr double mean_m[] = {37.5, 31.6, 19.8, 11.4, 5.9, 2.7};
constexpr double sigma_m[] = {9.8, 10.3, 8.5, 6.0, 3.3, 1.6};
constexpr rssfix_rank_method ranks = {edges_dbm, mean_m, sigma_m, 6, RSSFIX_SUM, 0.85};
// The preset "best" of Hapi: docs/hapi.md.
constexpr rssfix_path_loss_method path_loss = {{-35, 3, 8, 2, -90}, 0.05, 30};
constexpr double spread_m[] = {0.5, 10};
constexpr double radius_m[] = {0.5, 10};

double level_dbm(double distance_m, int floors_between) {
  return -38 - 30 * std::log10(std::max(distance_m, 1.0)) - 15 * floors_between;
}

} // namespace

Building::Building(bool by_ranks) {
  for (int i = 0; i < floor_count * aps_per_floor; ++i) {
    // Spread evenly over each floor.
    const double n = i % aps_per_floor + 0.37 * (i / aps_per_floor) + 1;
    ap_id_.push_back(0x020000000000U + 16 * static_cast<std::uint64_t>(i));
    ap_xy_m_.push_back(east_m * std::fmod(0.7548776662 * n, 1));
    ap_xy_m_.push_back(north_m * std::fmod(0.5698402910 * n, 1));
    ap_floor_.push_back(i / aps_per_floor);
  }
  for (int f = 0; f < floor_count; ++f)
    floors_.push_back({f, {0.25, 0.25, 0.5, 80, 120}, nullptr, 0});
  site_.ap_id = ap_id_.data();
  site_.ap_xy_m = ap_xy_m_.data();
  site_.ap_floor = ap_floor_.data();
  site_.ap_count = ap_id_.size();
  site_.floors = floors_.data();
  site_.floor_count = floors_.size();
  site_.floor_attenuation_db = 15;
  site_.cap_dbm = -30;
  site_.strongest = by_ranks ? 0 : 6;
  site_.ranks = by_ranks ? &ranks : nullptr;
  site_.path_loss = by_ranks ? nullptr : &path_loss;
  site_.spread_m = spread_m;
  site_.radius_m = radius_m;
  site_.accuracy_count = 2;
  site_.min_matched_aps = 2;
  site_.max_age_ms = 10000;
  site_.low_confidence_m = 8;
  site_.floor_window_ms = 6000;
  site_.position_window_ms = 3000;
  make_walk();
}

void Building::make_walk() {
  std::mt19937 random(7);
  std::normal_distribution<double> noise_db(0, 5);
  for (int i = 0; i < 480; ++i) {
    Step step{2000 * static_cast<std::int64_t>(i), 0, 0, i / 120, {}};
    // A corridor round: 2 m a step along a rectangle of 50 m x 30 m.
    const double along = std::fmod(2.0 * i, 160);
    step.x_m = along < 50 ? 5 + along : along < 80 ? 55 : along < 130 ? 55 - (along - 80) : 5;
    step.y_m = along < 50    ? 5
               : along < 80  ? 5 + (along - 50)
               : along < 130 ? 35
                             : 35 - (along - 130);
    for (std::size_t ap = 0; ap < ap_id_.size(); ++ap) {
      const double away = std::hypot(ap_xy_m_[2 * ap] - step.x_m, ap_xy_m_[2 * ap + 1] - step.y_m);
      const double level =
          std::round(level_dbm(away, std::abs(ap_floor_[ap] - step.floor)) + noise_db(random));
      if (level >= -90)
        step.readings.push_back({ap_id_[ap], static_cast<float>(std::min(level, -20.0)), 100});
    }
    walk_.push_back(step);
  }
}

std::size_t Building::bytes() const {
  return ap_id_.size() * sizeof ap_id_[0] + ap_xy_m_.size() * sizeof ap_xy_m_[0] +
         ap_floor_.size() * sizeof ap_floor_[0] + floors_.size() * sizeof floors_[0] +
         sizeof ranks + sizeof edges_dbm + sizeof mean_m + sizeof sigma_m + sizeof path_loss +
         sizeof spread_m + sizeof radius_m + sizeof site_;
}

} // namespace rssfix::bench
