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

#include "machine.hpp"
#include "report.hpp"
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

// The walk over and over; a stage by itself is timed on the same scan right after.
void run(const Options& options, const Building& building, rssfix_locator* locator,
    rssfix_window* window, Report& report) {
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
      report.stages[s].times_us.push_back(times[s]);
    if (i < options.warmup_runs + walk.size())
      report.accuracy.add(step, fix);
  }
}

} // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  const Building building(options.by_ranks);
  Report report;
  report.by_ranks = options.by_ranks;
  report.num_runs = options.num_runs;
  report.json = options.json;
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
  run(options, building, locator, window, report);
  print(report);
  const bool written = report.json == nullptr || write_json(report);
  if (!written)
    std::fprintf(stderr, "rssfix_bench: %s cannot be written\n", report.json);
  rssfix_window_destroy(window);
  rssfix_locator_destroy(locator);
  return written ? 0 : 1;
}
