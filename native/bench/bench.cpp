// rssfix_bench: time, memory and accuracy of the C locator on this machine, in one run.
//
//   rssfix_bench [--method path_loss|ranks] [--warmup-runs 50] [--num-runs 1000] [--json FILE]
//
// The workload is building.hpp's: simulated, so its accuracy line tells whether speed was bought
// with errors, not what to expect in a building. `rssfix bench BUNDLE` prints the same of a bundle.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "building.hpp"
#include "machine.hpp"
#include "rssfix/floor_map.hpp"
#include "rssfix/motion.hpp"

namespace {

using namespace rssfix::bench;
using Clock = std::chrono::steady_clock;

struct Options {
  bool by_ranks = false;
  std::size_t warmup_runs = 50;
  std::size_t num_runs = 1000;
  const char* json = nullptr;
};

[[noreturn]] void usage() {
  std::fprintf(stderr, "usage: rssfix_bench [--method path_loss|ranks] [--warmup-runs N] "
                       "[--num-runs N] [--json FILE]\n");
  std::exit(2);
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; i += 2) {
    const std::string name = arguments[i];
    const char* const value = i + 1 < count ? arguments[i + 1] : nullptr;
    if (value == nullptr)
      usage();
    if (name == "--json")
      options.json = value;
    else if (name == "--method" &&
             (std::strcmp(value, "ranks") == 0 || std::strcmp(value, "path_loss") == 0))
      options.by_ranks = std::strcmp(value, "ranks") == 0;
    else if (name == "--warmup-runs" || name == "--num-runs") {
      char* end = nullptr;
      const unsigned long long number = std::strtoull(value, &end, 10);
      if (*end != 0 || *value == '-' || (name == "--num-runs" && number == 0))
        usage();
      (name == "--num-runs" ? options.num_runs : options.warmup_runs) = number;
    } else
      usage();
  }
  return options;
}

void must(rssfix_status status) {
  if (status.code == RSSFIX_OK)
    return;
  char text[160];
  rssfix_status_text(status, text, sizeof text);
  std::fprintf(stderr, "rssfix_bench: %s\n", text);
  std::exit(1);
}

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

struct Spread {
  static constexpr const char* names[] = {"min", "p50", "p90", "p95", "p99", "max"};
  double values[6];
};

// As numpy's percentile: linear between the two nearest.
double percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - std::floor(at)) * (sorted[above] - sorted[below]);
}

Spread spread(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {{times.front(), percentile(times, 0.5), percentile(times, 0.9), percentile(times, 0.95),
      percentile(times, 0.99), times.back()}};
}

struct Stage {
  const char* name;
  std::vector<double> times_us;
};

struct Accuracy {
  std::vector<double> errors_m;
  std::size_t right_floors = 0;
  std::size_t within_radius = 0;
  std::size_t scans = 0;

  void add(const Step& step, const rssfix_fix& fix) {
    ++scans;
    if (!fix.has_position)
      return;
    const double error_m = std::hypot(fix.x_m - step.x_m, fix.y_m - step.y_m);
    errors_m.push_back(error_m);
    right_floors += fix.floor == step.floor ? 1U : 0U;
    within_radius += error_m <= fix.accuracy_m ? 1U : 0U;
  }
};

// The walk over and over; a stage by itself is timed on the same scan right after.
void run(const Options& options, const Building& building, rssfix_locator* locator,
    rssfix_window* window, Stage (&stages)[4], Accuracy& accuracy) {
  rssfix::Motion motion;
  if (!motion.init({0.3, 60000, 5}).ok())
    std::exit(1);
  const rssfix_site& site = building.site();
  std::vector<float> levels(site.ap_count);
  const std::vector<Step>& walk = building.walk();
  const std::size_t runs = options.warmup_runs + options.num_runs;
  for (std::size_t i = 0; i < runs; ++i) {
    const std::size_t place = i % walk.size();
    const Step& step = walk[place];
    if (place == 0) {
      rssfix_locator_reset(locator);
      rssfix_window_clear(window);
      motion.restart();
    }
    rssfix_fix fix;
    rssfix_fix alone;
    Clock::time_point start = Clock::now();
    must(rssfix_locator_update(
        locator, step.timestamp_ms, step.readings.data(), step.readings.size(), &fix));
    const double update_us = us_since(start);
    start = Clock::now();
    must(rssfix_locator_locate(
        locator, step.timestamp_ms, step.readings.data(), step.readings.size(), &alone));
    const double locate_us = us_since(start);
    std::fill(levels.begin(), levels.end(), NAN);
    for (const rssfix_reading& reading : step.readings)
      levels[static_cast<std::size_t>(reading.ap_id - site.ap_id[0]) / 16] = reading.rssi_dbm;
    start = Clock::now();
    must(rssfix_window_add(window, step.timestamp_ms, levels.data()));
    must(rssfix_window_united(window, levels.data()));
    const double window_us = us_since(start);
    start = Clock::now();
    if (!motion.advance(step.timestamp_ms).ok() ||
        (alone.has_position != 0 &&
            !motion.measure(alone.x_m, alone.y_m, alone.floor, alone.accuracy_m).ok()))
      std::exit(1);
    const double filter_us = us_since(start);
    if (i < options.warmup_runs)
      continue;
    const double times[] = {window_us, locate_us, filter_us, update_us};
    for (std::size_t s = 0; s < 4; ++s)
      stages[s].times_us.push_back(times[s]);
    if (i < options.warmup_runs + walk.size())
      accuracy.add(step, fix);
  }
}

struct Report {
  Options options;
  std::size_t model_bytes = 0;
  std::size_t locator_bytes = 0;
  double init_us = 0;
  double first_us = 0;
  std::size_t start_bytes = 0;
  std::size_t after_init_bytes = 0;
};

void print(const Report& report, const Stage (&stages)[4], const Accuracy& accuracy) {
  const auto mb = [](std::size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::printf("%s, %u cores, %s\n", processor().c_str(), cores(), system_name().c_str());
  std::printf("rssfix %s, C, %s, kernels %s, 1 thread\n", rssfix_version(), rssfix_build_info(),
      rssfix_simd());
  std::printf("simulated building, %s: model %.3f MB, locator %.3f MB\n",
      report.options.by_ranks ? "ranks" : "path loss", mb(report.model_bytes),
      mb(report.locator_bytes));
  std::printf("init %.3f ms, first fix %.0f us\n\n%-12s", report.init_us / 1000, report.first_us,
      "us per fix");
  for (const char* name : Spread::names)
    std::printf("%9s", name);
  std::printf("   (%zu runs)\n", report.options.num_runs);
  for (const Stage& stage : stages) {
    std::printf("%-12s", stage.name);
    for (const double value : spread(stage.times_us).values)
      std::printf("%9.1f", value);
    std::printf("\n");
  }
  std::printf("\nmemory: start %.1f MB, after init %.1f MB, peak %.1f MB\n", mb(report.start_bytes),
      mb(report.after_init_bytes), mb(peak_bytes()));
  const Spread errors = spread(accuracy.errors_m);
  double sum = 0;
  for (const double error : accuracy.errors_m)
    sum += error;
  const double n = static_cast<double>(accuracy.errors_m.size());
  std::printf("accuracy in this run: n %zu, answered %zu, mean %.2f m, p50 %.2f m, p95 %.2f m, "
              "floor %.3f, within accuracy_m %.3f\n",
      accuracy.scans, accuracy.errors_m.size(), sum / n, errors.values[1], errors.values[3],
      static_cast<double>(accuracy.right_floors) / n,
      static_cast<double>(accuracy.within_radius) / n);
  if (report.options.json == nullptr)
    return;
  std::FILE* const file = std::fopen(report.options.json, "w");
  if (file == nullptr) {
    std::fprintf(stderr, "rssfix_bench: %s cannot be written\n", report.options.json);
    std::exit(1);
  }
  std::fprintf(file,
      "{\"runtime\": \"C\", \"method\": \"%s\",\n \"machine\": {\"cpu\": \"%s\", \"cores\": %u, "
      "\"os\": \"%s\", \"rssfix\": \"%s\", \"core\": \"%s, %s\"},\n \"model_bytes\": %zu, "
      "\"locator_bytes\": %zu, \"init_us\": %.3f, \"first_us\": %.3f,\n \"stages\": {",
      report.options.by_ranks ? "ranks" : "path_loss", processor().c_str(), cores(),
      system_name().c_str(), rssfix_version(), rssfix_build_info(), rssfix_simd(),
      report.model_bytes, report.locator_bytes, report.init_us, report.first_us);
  for (const Stage& stage : stages) {
    std::fprintf(file, "%s\n  \"%s\": {", &stage == stages ? "" : ",", stage.name);
    const Spread times = spread(stage.times_us);
    for (std::size_t i = 0; i < 6; ++i)
      std::fprintf(
          file, "%s\"%s_us\": %.3f", i == 0 ? "" : ", ", Spread::names[i], times.values[i]);
    std::fprintf(file, "}");
  }
  std::fprintf(file,
      "},\n \"memory\": {\"start_bytes\": %zu, \"after_init_bytes\": %zu, \"peak_bytes\": %zu},\n "
      "\"accuracy\": {\"n\": %zu, \"answered\": %zu, \"mean_m\": %.4f, \"median_m\": %.4f, "
      "\"p95_m\": %.4f, \"floor_hit\": %.4f, \"coverage_68\": %.4f}}\n",
      report.start_bytes, report.after_init_bytes, peak_bytes(), accuracy.scans,
      accuracy.errors_m.size(), sum / n, errors.values[1], errors.values[3],
      static_cast<double>(accuracy.right_floors) / n,
      static_cast<double>(accuracy.within_radius) / n);
  std::fclose(file);
}

} // namespace

int main(int count, char** arguments) {
  Report report;
  report.options = parse(count, arguments);
  const Building building(report.options.by_ranks);
  report.model_bytes = building.bytes();
  report.start_bytes = resident_bytes();
  const rssfix_track_rules rules = rssfix_default_track_rules();
  rssfix_locator* locator = nullptr;
  const Clock::time_point start = Clock::now();
  must(rssfix_locator_create(&building.site(), &rules, &locator));
  report.init_us = us_since(start);
  report.after_init_bytes = resident_bytes();
  must(rssfix_locator_size(&building.site(), &rules, &report.locator_bytes));
  rssfix_fix fix;
  const Step& step = building.walk().front();
  const Clock::time_point first = Clock::now();
  must(rssfix_locator_update(locator, 0, step.readings.data(), step.readings.size(), &fix));
  report.first_us = us_since(first);
  rssfix_window* window = nullptr;
  must(rssfix_window_create(
      building.site().ap_count, building.site().floor_window_ms, rules.window_entries, &window));
  Stage stages[] = {{"window", {}}, {"locate", {}}, {"filter", {}}, {"total", {}}};
  Accuracy accuracy;
  run(report.options, building, locator, window, stages, accuracy);
  print(report, stages, accuracy);
  rssfix_window_destroy(window);
  rssfix_locator_destroy(locator);
  return 0;
}
