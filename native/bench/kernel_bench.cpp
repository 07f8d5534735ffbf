// Median time of each kernel without Python, as JSON; benchmarks/native.py runs it. With
// --instructions every kernel runs once under callgrind, which notes what it took
// (benchmarks/instructions.py).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "building.hpp"
#include "rssfix/cyclic_map.hpp"
#include "rssfix/diagonal_mean.hpp"
#include "rssfix/floor_features.hpp"
#include "rssfix/geometric_median.hpp"
#include "rssfix/kalman_filter.hpp"
#include "rssfix/level_likelihoods.hpp"
#include "rssfix/level_sums.hpp"
#include "rssfix/path_loss_pdf.hpp"
#include "rssfix/rank_pdf.hpp"
#include "rssfix/ratio_image.hpp"
#include "rssfix/simd_level.hpp"
#include "rssfix/threshold_centroid.hpp"
#include "rssfix/weighted_knn.hpp"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define RSSFIX_CALLGRIND 1
#else
#define RSSFIX_CALLGRIND 0
#endif

namespace {

using Clock = std::chrono::steady_clock;

bool first_result = true;
bool instructions = false;

// After a first call, which makes choices and fills caches.
template <class Call> void count_instructions([[maybe_unused]] const char* name, Call&& call) {
  bool right = call();
#if RSSFIX_CALLGRIND
  CALLGRIND_ZERO_STATS;
  right = call() && right;
  CALLGRIND_DUMP_STATS_AT(name);
#endif
  if (!right)
    std::exit(1);
}

// Each sample is a run of about 20 us or more, so that the clock does not show.
template <class Call> void measure(const char* name, std::size_t calls, int samples, Call&& call) {
  if (instructions)
    return count_instructions(name, call);
  std::vector<double> ns;
  for (int s = 0; s < samples + 3; ++s) {
    const auto start = Clock::now();
    for (std::size_t i = 0; i < calls; ++i)
      if (!call())
        std::exit(1);
    const std::chrono::duration<double, std::nano> took = Clock::now() - start;
    if (s >= 3)
      ns.push_back(took.count() / static_cast<double>(calls));
  }
  std::nth_element(ns.begin(), ns.begin() + samples / 2, ns.end());
  std::printf("%s\"%s\": %.1f", first_result ? "" : ", ", name, ns[ns.size() / 2]);
  first_result = false;
}

// A fix of LocUNet's posterior: five maps of 64 x 64 cells in eight classes of 256 levels, as in
// benchmarks/native_radio_maps.py.
template <class Values> void measure_radio_maps(Values&& values) {
  using namespace rssfix;
  constexpr std::size_t count = 5;
  constexpr std::size_t cells = 64 * 64;
  constexpr std::size_t codes = 8 * 256;
  const auto measured = values(count);
  const auto mean = values(codes);
  const std::vector<float> sigma(codes, 4.0f);
  const std::vector<float> factor(codes, 2.0f);
  const std::vector<float> share(codes, 0.5f);
  const std::vector<float> outliers(codes, 1e-5f);
  const std::vector<float> silent(codes, -5.0f);
  const Scatter scatter{mean.data(), sigma.data(), factor.data(), share.data(), share.data(),
      outliers.data(), silent.data(), codes};
  std::vector<float> tables(count * codes);
  measure("level_likelihoods", 5, 101,
      [&] { return level_likelihoods(measured.data(), count, scatter, 0.9, tables.data()).ok(); });

  std::vector<std::uint16_t> maps(count * cells);
  for (std::size_t i = 0; i < maps.size(); ++i)
    maps[i] = static_cast<std::uint16_t>(i * 37 % codes);
  std::vector<float> sums(cells);
  measure("level_sums", 10, 101, [&] {
    return level_sums(maps.data(), count, cells, tables.data(), codes, sums.data()).ok();
  });

  std::vector<double> x_m(cells);
  std::vector<double> y_m(cells);
  std::vector<double> weight(cells);
  for (std::size_t i = 0; i < cells; ++i) {
    x_m[i] = static_cast<double>(4 * (i % 64));
    y_m[i] = static_cast<double>(4 * (i / 64));
    weight[i] = std::exp(-std::hypot(x_m[i] - 80, y_m[i] - 150) / 20);
  }
  Point median{};
  measure("geometric_median", 1, 101, [&] {
    return geometric_median(
        {x_m.data(), y_m.data(), weight.data(), cells}, {128, 128}, 1, 10, median)
        .ok();
  });
}

} // namespace

int main(int argument_count, char** arguments) {
  using namespace rssfix;
  instructions = argument_count == 2 && std::strcmp(arguments[1], "--instructions") == 0;
  if (instructions && RSSFIX_CALLGRIND == 0) {
    std::fprintf(stderr, "built without valgrind/callgrind.h\n");
    return 3;
  }
  std::mt19937 random(1);
  std::uniform_real_distribution<float> dbm(-100, -30);
  const auto values = [&](std::size_t count) {
    std::vector<float> v(count);
    std::generate(v.begin(), v.end(), [&] { return dbm(random); });
    return v;
  };

  std::printf("{\"simd\": \"%s\", \"ns\": {", name(simd_level()));

  for (const std::size_t n : {std::size_t{27}, std::size_t{256}}) {
    const auto rssi = values(n);
    std::vector<float> map(n * n);
    const std::size_t calls = n < 100 ? 200 : 10;
    char label[64];
    std::snprintf(label, sizeof label, "cyclic_map_%zu", n);
    measure(label, calls, 101, [&] { return cyclic_map(rssi.data(), 1, n, map.data()).ok(); });
    std::vector<float> scores(n);
    std::snprintf(label, sizeof label, "diagonal_mean_%zu", n);
    measure(label, calls, 101, [&] { return diagonal_mean(map.data(), 1, n, scores.data()).ok(); });
    std::snprintf(label, sizeof label, "ratio_image_%zu", n);
    measure(label, calls, 101, [&] { return ratio_image(rssi.data(), n, map.data()).ok(); });
  }

  constexpr std::size_t aps = 40;
  constexpr std::size_t side = 200;
  const double mean_m[] = {37.5, 31.6, 19.8, 11.4, 5.9, 2.7};
  const double sigma_m[] = {9.8, 10.3, 8.5, 6.0, 3.3, 1.6};
  const double wide_m[] = {1000, 1000, 1000, 1000, 1000, 1000};
  std::vector<double> places(2 * aps);
  std::vector<std::int32_t> ranks(aps);
  for (std::size_t i = 0; i < aps; ++i) {
    // Spread evenly over the floor, the same as in benchmarks/native_comparison.py.
    places[2 * i] = 100 * std::fmod(0.7548776662 * static_cast<double>(i + 1), 1);
    places[2 * i + 1] = 100 * std::fmod(0.5698402910 * static_cast<double>(i + 1), 1);
    ranks[i] = static_cast<std::int32_t>(i % 6);
  }
  const Grid grid{0, 0, 0.5, side, side};
  std::vector<float> pdf(side * side);
  const RankedAps heard{places.data(), ranks.data(), aps, mean_m, sigma_m, 6};
  const RankedAps nothing_to_skip{places.data(), ranks.data(), aps, mean_m, wide_m, 6};
  const auto rank = [&](const RankedAps& some, Combine combine) {
    return [&, combine] { return rank_pdf(some, grid, combine, pdf.data()).ok(); };
  };
  measure("rank_pdf_nothing_to_skip", 1, 51, rank(nothing_to_skip, Combine::sum));
  measure("rank_pdf_product", 1, 51, rank(heard, Combine::product));
  measure("rank_pdf_tempered", 1, 51, rank(heard, Combine::tempered));
  measure("rank_pdf_sum", 1, 51, rank(heard, Combine::sum));

  // 8 heard of 40 on a floor of 60 m x 40 m, the scan of benchmarks/path_loss.py.
  const Grid floor{0, 0, 0.5, 80, 120};
  std::vector<double> rssi(aps, NAN);
  std::vector<double> weight(aps, 0.05);
  const std::vector<double> extra_loss(aps, 0);
  std::vector<float> floor_pdf(floor.height * floor.width);
  for (std::size_t i = 0; i < aps; ++i) {
    places[2 * i] *= 0.6;
    places[2 * i + 1] *= 0.4;
    if (i < 8) {
      const double d = std::hypot(places[2 * i] - 25, places[2 * i + 1] - 15);
      rssi[i] = -35 - 30 * std::log10(std::max(d, 1.0));
      weight[i] = 0.5;
    }
  }
  const Levels levels{places.data(), rssi.data(), weight.data(), extra_loss.data(), aps};
  measure("path_loss_pdf", 1, 101,
      [&] { return path_loss_pdf(levels, {-35, 3, 8, 2, -90}, floor, floor_pdf.data()).ok(); });

  Centroid centroid{};
  measure("threshold_centroid", 10, 101,
      [&] { return threshold_centroid(pdf.data(), grid, 0.85, centroid).ok(); });

  const auto database = values(400 * 100);
  const auto query = values(100);
  std::int64_t indices[5];
  float distances[5];
  const auto nearest = [&](Metric metric) {
    return [&, metric] {
      return weighted_knn(database.data(), 400, 100, query.data(), 1, 5, metric, indices, distances)
          .ok();
    };
  };
  measure("weighted_knn_l1", 10, 201, nearest(Metric::l1));
  measure("weighted_knn_l2", 10, 201, nearest(Metric::l2));
  measure("weighted_knn_sorensen", 10, 201, nearest(Metric::sorensen));

  measure_radio_maps(values);

  std::vector<float> scan = values(4 * aps);
  std::vector<double> building(8 * aps);
  std::vector<std::int32_t> installed_on(4 * aps);
  for (std::size_t i = 0; i < 4 * aps; ++i) {
    // As in benchmarks/native_floors.py: every fourth AP is heard.
    building[2 * i] = 100 * std::fmod(0.7548776662 * static_cast<double>(i + 1), 1);
    building[2 * i + 1] = 100 * std::fmod(0.5698402910 * static_cast<double>(i + 1), 1);
    installed_on[i] = static_cast<std::int32_t>(i / 20);
    if (i % 4 != 0)
      scan[i] = NAN;
  }
  const InstalledAps installed{building.data(), installed_on.data(), 4 * aps, 8};
  std::int32_t start = 0;
  float features[4 * floor_feature_count];
  measure("floor_features", 20, 101,
      [&] { return floor_features(scan.data(), 1, installed, -100, 4, &start, features).ok(); });

  KalmanFilter filter;
  const double z[] = {1, 2, 0.1, 0.2};
  const double variance[] = {4, 4, 1, 1};
  measure("kalman_2", 500, 101,
      [&] { return filter.predict(1).ok() && filter.update(z, variance, 2).ok(); });
  measure("kalman_4", 500, 101,
      [&] { return filter.predict(1).ok() && filter.update(z, variance, 4).ok(); });

  for (const bool by_ranks : {true, false}) {
    const bench::Building house(by_ranks);
    const rssfix_track_rules rules = rssfix_default_track_rules();
    rssfix_locator* locator = nullptr;
    if (rssfix_locator_create(&house.site(), &rules, &locator).code != RSSFIX_OK)
      return 1;
    std::size_t step = 0;
    measure(by_ranks ? "locator_update_ranks" : "locator_update_path_loss", 1, 101, [&] {
      const bench::Step& one = house.walk()[step++];
      rssfix_fix fix;
      return rssfix_locator_update(
                 locator, one.timestamp_ms, one.readings.data(), one.readings.size(), &fix)
                 .code == RSSFIX_OK;
    });
    rssfix_locator_destroy(locator);
  }
  std::printf("}}\n");
  return 0;
}
