// The walk of tests/golden/rank_locator.json through the C++ locator.
#include "golden.hpp"
#include "rssfix/rank_locator.hpp"

using namespace rssfix;

namespace {

// A site of the golden file with its arrays.
struct Building {
  explicit Building(const json& one)
      : ap_id(flat<std::uint64_t>(one["ap_id"])), ap_xy_m(flat<double>(one["ap_xy_m"])),
        ap_floor(flat<std::int32_t>(one["ap_floor"])),
        cells(flat<std::uint32_t>(one["floor_cells"])), edges_dbm(flat<double>(one["edges_dbm"])),
        spread_m(flat<double>(one["spread_m"])), radius_m(flat<double>(one["radius_m"])) {
    std::size_t first = 0;
    for (std::size_t f = 0; f < one["floor"].size(); ++f) {
      const std::size_t count = one["floor_cell_count"][f];
      floors.push_back({one["floor"][f],
          {one["floor_origin_m"][f][0], one["floor_origin_m"][f][1], one["floor_pitch_m"][f],
              one["floor_height"][f], one["floor_width"][f]},
          count == 0 ? nullptr : cells.data() + first, count});
      first += count;
    }
    site = {ap_id.data(), {ap_xy_m.data(), ap_floor.data(), ap_id.size()}, floors.data(),
        floors.size(),
        {one["floor_attenuation_db"], one["cap_dbm"], one["strongest"], nullptr, nullptr},
        one["offset_db"], nullptr, {spread_m.data(), radius_m.data(), spread_m.size()},
        {one["min_matched_aps"], one["max_age_ms"], one["low_confidence_m"]}};
    if (one.contains("mean_m")) {
      mean_m = flat<double>(one["mean_m"]);
      sigma_m = flat<double>(one["sigma_m"]);
      ranks = {edges_dbm.data(), mean_m.data(), sigma_m.data(), mean_m.size(), Combine::sum,
          one["threshold"]};
      site.rules.ranks = &ranks;
    } else {
      site.rules.path_loss = &path_loss;
    }
    if (one["quality"] == 1)
      site.quality = &quality;
    rules = {one["floor_window_ms"], one["position_window_ms"], ScanWindow::usual_entries,
        {one["accel_sigma"], one["gap_ms"], one["floor_votes"]}};
  }

  std::vector<std::uint64_t> ap_id;
  std::vector<double> ap_xy_m;
  std::vector<std::int32_t> ap_floor;
  std::vector<std::uint32_t> cells;
  std::vector<double> edges_dbm;
  std::vector<double> spread_m;
  std::vector<double> radius_m;
  std::vector<double> mean_m;
  std::vector<double> sigma_m;
  std::vector<FloorCells> floors;
  RankMethod ranks{};
  PathLossMethod path_loss{{-35, 3, 8, 2, -90}, 0.05, 30};
  Quality quality{1, {-0.05, 0.01, -0.02, 0.1}, 0.5, 0.5, 50};
  RankSite site{};
  RankTrackRules rules{};
};

std::vector<ApReading> readings(const json& one, std::size_t step) {
  std::vector<ApReading> result;
  for (std::size_t i = one["start"][step]; i < one["start"][step + 1]; ++i)
    result.push_back({one["ap"][i], one["dbm"][i], one["age_ms"][i]});
  return result;
}

} // namespace

TEST_CASE("golden.rank_locator") {
  for_each_case("rank_locator", [](const json& one) {
    const Building building(one);
    std::vector<double> memory(
        RankLocator::bytes(building.ap_id.size(), 14 * 20, building.rules) / sizeof(double));
    RankLocator locator;
    REQUIRE(locator.init(building.site, building.rules, memory.data()).ok());
    Digest digest;
    for (std::size_t step = 0; step < one["time_ms"].size(); ++step) {
      CAPTURE(step);
      const auto heard = readings(one, step);
      RankFix fix{};
      for (int twice = 0; twice < 2; ++twice) // a scan served twice changes nothing
        REQUIRE(locator.update(one["time_ms"][step], heard.data(), heard.size(), fix).ok());
      CHECK(static_cast<int>(fix.status) == one["fix_status"][step]);
      CHECK(fix.has_position == (one["fix_has_position"][step] == 1));
      CHECK(fix.floor == one["fix_floor"][step]);
      CHECK(fix.matched_aps == one["fix_matched"][step]);
      const std::vector<double> found = {fix.x_m, fix.y_m, fix.accuracy_m};
      check_close(found,
          flat<double>({one["fix_x_m"][step], one["fix_y_m"][step], one["fix_accuracy_m"][step]}),
          0, 2e-4);
      digest.add(found);
    }
    digest.note("rank_locator", one);
  });
}
