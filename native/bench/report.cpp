#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "machine.hpp"

namespace rssfix::bench {
namespace {

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

struct Figures {
  double mean_m;
  double median_m;
  double p95_m;
  double floor_hit;
  double coverage_68;
};

Figures figures(const Accuracy& accuracy) {
  const std::vector<double>& errors_m = accuracy.errors_m;
  if (errors_m.empty())
    return {};
  const double n = static_cast<double>(errors_m.size());
  const Spread errors = spread(errors_m);
  return {std::accumulate(errors_m.begin(), errors_m.end(), 0.0) / n, errors.values[1],
      errors.values[3], static_cast<double>(accuracy.right_floors) / n,
      static_cast<double>(accuracy.within_radius) / n};
}

} // namespace

void print(const Report& report) {
  const Accuracy& accuracy = report.accuracy;
  const auto mb = [](std::size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::printf("%s, %u cores, %s\n", processor().c_str(), cores(), system_name().c_str());
  std::printf("rssfix %s, C, %s, kernels %s, 1 thread\n", rssfix_version(), rssfix_build_info(),
      rssfix_simd());
  std::printf("simulated building, %s: model %.3f MB, locator %.3f MB\n",
      report.by_ranks ? "ranks" : "path loss", mb(report.model_bytes), mb(report.locator_bytes));
  std::printf("init %.3f ms, first fix %.0f us\n\n%-12s", report.init_us / 1000, report.first_us,
      "us per fix");
  for (const char* name : Spread::names)
    std::printf("%9s", name);
  std::printf("   (%zu runs)\n", report.num_runs);
  for (const Stage& stage : report.stages) {
    std::printf("%-12s", stage.name);
    for (const double value : spread(stage.times_us).values)
      std::printf("%9.1f", value);
    std::printf("\n");
  }
  std::printf("\nmemory: start %.1f MB, after init %.1f MB, peak %.1f MB\n", mb(report.start_bytes),
      mb(report.after_init_bytes), mb(peak_bytes()));
  const Figures found = figures(accuracy);
  std::printf("accuracy in this run: n %zu, answered %zu, mean %.2f m, p50 %.2f m, p95 %.2f m, "
              "floor %.3f, within accuracy_m %.3f\n",
      accuracy.scans, accuracy.errors_m.size(), found.mean_m, found.median_m, found.p95_m,
      found.floor_hit, found.coverage_68);
}

bool write_json(const Report& report) {
  std::FILE* const file = std::fopen(report.json, "w");
  if (file == nullptr)
    return false;
  const Accuracy& accuracy = report.accuracy;
  const Figures found = figures(accuracy);
  std::fprintf(file,
      "{\"runtime\": \"C\", \"method\": \"%s\",\n \"machine\": {\"cpu\": \"%s\", \"cores\": %u, "
      "\"os\": \"%s\", \"rssfix\": \"%s\", \"core\": \"%s, %s\"},\n \"model_bytes\": %zu, "
      "\"locator_bytes\": %zu, \"init_us\": %.3f, \"first_us\": %.3f,\n \"stages\": {",
      report.by_ranks ? "ranks" : "path_loss", processor().c_str(), cores(), system_name().c_str(),
      rssfix_version(), rssfix_build_info(), rssfix_simd(), report.model_bytes,
      report.locator_bytes, report.init_us, report.first_us);
  for (const Stage& stage : report.stages) {
    std::fprintf(file, "%s\n  \"%s\": {", &stage == report.stages ? "" : ",", stage.name);
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
      accuracy.errors_m.size(), found.mean_m, found.median_m, found.p95_m, found.floor_hit,
      found.coverage_68);
  return std::fclose(file) == 0;
}

} // namespace rssfix::bench
