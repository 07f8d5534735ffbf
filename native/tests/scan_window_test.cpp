#include "rssfix/scan_window.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levels.hpp"

using namespace rssfix;

namespace {

struct Scan {
  std::int64_t time_ms;
  std::vector<float> levels;
};

// NaN as the weakest, so that unions can be compared.
float or_silence(float level) {
  return std::isnan(level) ? -1000.0f : level;
}

float strongest(const std::vector<Scan>& scans, std::size_t ap, std::int64_t since_ms) {
  float level = -1000;
  for (const Scan& scan : scans)
    if (scan.time_ms >= since_ms)
      level = std::max(level, or_silence(scan.levels[ap]));
  return level;
}

// With memory of exactly the size asked for, so that the sanitizers see a step beyond.
class Room {
 public:
  Room(std::size_t aps, std::int64_t window_ms, std::size_t most_entries)
      : levels_(ScanWindow::levels_needed(aps, most_entries)),
        entries_(ScanWindow::entries_needed(most_entries)) {
    REQUIRE(window.init(aps, window_ms, most_entries, levels_.data(), entries_.data()).ok());
  }

  ScanWindow window;

 private:
  std::vector<float> levels_;
  std::vector<WindowEntry> entries_;
};

void walk(std::int64_t window_ms, std::size_t most_entries, unsigned longest_gap_ms) {
  constexpr std::size_t aps = 5;
  Room room(aps, window_ms, most_entries);
  std::mt19937 random(longest_gap_ms);
  std::vector<Scan> scans;
  std::int64_t now_ms = -5000;
  const std::int64_t grain_ms = window_ms / static_cast<std::int64_t>(most_entries);
  for (int i = 0; i < 600; ++i) {
    now_ms += static_cast<std::int64_t>(random() % (longest_gap_ms + 1));
    Scan scan{now_ms, random_dbm(aps, static_cast<unsigned>(random()))};
    for (float& level : scan.levels)
      if (random() % 2 == 0)
        level = NAN;
    REQUIRE(room.window.add(now_ms, scan.levels.data(), 1, 1).ok());
    scans.push_back(scan);
    REQUIRE(room.window.size() <= ScanWindow::entries_needed(most_entries));
    float united[aps];
    room.window.united(united);
    for (std::size_t ap = 0; ap < aps; ++ap) {
      // What lies within a grain of the window's end may have left with an older scan.
      CHECK(or_silence(united[ap]) >= strongest(scans, ap, now_ms - window_ms + grain_ms));
      CHECK(or_silence(united[ap]) <= strongest(scans, ap, now_ms - window_ms));
    }
  }
}

} // namespace

TEST_CASE("scan_window.agrees_with_all_scans_compared") {
  for (const unsigned gap_ms : {1U, 40U, 300U, 2500U})
    for (const std::size_t entries : {std::size_t{1}, std::size_t{3}, std::size_t{128}})
      for (const std::int64_t window_ms : {0, 100, 1000, 20000}) {
        CAPTURE(gap_ms);
        CAPTURE(entries);
        CAPTURE(window_ms);
        walk(window_ms, entries, gap_ms);
      }
}

TEST_CASE("scan_window.times_of_any_size") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Room room(1, most, 2);
  const float near = -40;
  const float far = -90;
  REQUIRE(room.window.add(least, &near, 1, 1).ok());
  REQUIRE(room.window.add(-1, &far, 1, 1).ok());
  float united = 0;
  room.window.united(&united);
  CHECK(united == -40); // exactly as old as the window is long
  REQUIRE(room.window.add(most, &far, 1, 1).ok());
  room.window.united(&united);
  CHECK(united == -90);
}

TEST_CASE("scan_window.the_richest_scan_counts") {
  Room room(1, 1000, 4);
  const float level = -50;
  REQUIRE(room.window.add(0, &level, 9, 2).ok());
  REQUIRE(room.window.add(500, &level, 3, 3).ok());
  float united = 0;
  WindowEntry entry = room.window.united(&united);
  CHECK(entry.heard == 9);
  CHECK(entry.fresh == 3);
  REQUIRE(room.window.add(1300, &level, 1, 1).ok());
  entry = room.window.united(&united);
  CHECK(entry.heard == 3);
  CHECK(entry.begin_ms == 500);
}

TEST_CASE("scan_window.what_is_refused_changes_nothing") {
  Room room(2, 1000, 4);
  const float levels[] = {-50, NAN};
  const float loud[] = {-10, INFINITY};
  REQUIRE(room.window.add(100, levels, 1, 1).ok());
  CHECK(room.window.add(99, levels, 1, 1).code == Code::goes_back);
  const Status status = room.window.add(200, loud, 1, 1);
  CHECK(status.code == Code::infinite);
  CHECK(status.index == 1);
  float united[2];
  room.window.united(united);
  CHECK(united[0] == -50);
  CHECK(std::isnan(united[1]));
  ScanWindow window;
  CHECK(window.init(0, 1, 1, united, nullptr).code == Code::empty);
  CHECK(window.init(1, -1, 1, united, nullptr).code == Code::negative);
  CHECK(window.init(1, 1, 0, united, nullptr).code == Code::out_of_range);
}
