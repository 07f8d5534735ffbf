#include <cmath>
#include <limits>

#include "golden.hpp"
#include "rssfix/convex_corners.hpp"
#include "rssfix/corner_visibility.hpp"
#include "rssfix/dominant_path.hpp"
#include "rssfix/reflections.hpp"

using namespace rssfix;

namespace {

// Everything the kernels need of a few rings, on a raster of 1 m.
struct Town {
  Town(std::vector<double> ring_vertices, std::vector<std::int32_t> starts, std::size_t height,
      std::size_t width, double push_m = 0.05)
      : vertices(std::move(ring_vertices)), ring_start(std::move(starts)),
        grid{0.5, 0.5, 1, height, width}, buildings(height * width) {
    std::size_t count = 0;
    corner_xy.resize(vertices.size());
    wedges.resize(3 * vertices.size());
    const Rings rings{vertices.data(), ring_start.data(), ring_start.size() - 1};
    REQUIRE(convex_corners(rings, push_m, corner_xy.data(), wedges.data(), count).ok());
    corners = {corner_xy.data(), wedges.data(), count};
    for (std::size_t r = 0; r < rings.ring_count; ++r) {
      const auto first = static_cast<std::size_t>(ring_start[r]);
      const auto end = static_cast<std::size_t>(ring_start[r + 1]);
      for (std::size_t i = first; i < end; ++i) {
        const std::size_t next = i + 1 == end ? first : i + 1;
        walls.insert(walls.end(),
            {vertices[2 * i], vertices[2 * i + 1], vertices[2 * next], vertices[2 * next + 1]});
      }
      // Boxes along the axes: low corner first, high corner third.
      for (std::size_t row = 0; row < height; ++row)
        for (std::size_t column = 0; column < width; ++column) {
          const double x = static_cast<double>(column) + 0.5;
          const double y = static_cast<double>(row) + 0.5;
          if (x > vertices[2 * first] && x < vertices[2 * first + 4] &&
              y > vertices[2 * first + 1] && y < vertices[2 * first + 5])
            buildings[row * width + column] = 1;
        }
    }
    pixels.resize(2 * count * pixel_words(grid));
    links.resize(count * count);
    REQUIRE(
        corner_visibility(all_walls(), corners, buildings.data(), grid, pixels.data(), links.data())
            .ok());
  }

  Walls all_walls() const { return {walls.data(), walls.size() / 4}; }
  Sights sights() const {
    return {all_walls(), corners, pixels.data(), links.data(), {nullptr, 0}, nullptr, nullptr};
  }

  std::vector<double> vertices;
  std::vector<std::int32_t> ring_start;
  Grid grid;
  std::vector<std::uint8_t> buildings;
  std::vector<double> corner_xy;
  std::vector<double> wedges;
  Corners corners{};
  std::vector<double> walls;
  std::vector<std::uint64_t> pixels;
  std::vector<std::uint8_t> links;
};

struct Maps {
  std::vector<float> loss;
  std::vector<float> length;
  std::vector<std::uint8_t> los;
  Status status;
};

Maps paths(const Town& town, double x, double y, const PathModel& model) {
  const std::size_t cells = town.grid.height * town.grid.width;
  Maps maps{std::vector<float>(cells, NAN), std::vector<float>(cells, NAN),
      std::vector<std::uint8_t>(cells), {}};
  std::vector<PathLabel> labels(2 * town.corners.count);
  const double from[] = {x, y};
  maps.status = dominant_path(from, town.sights(), town.buildings.data(), model, town.grid,
      labels.data(), maps.loss.data(), maps.length.data(), maps.los.data());
  return maps;
}

constexpr PathModel plain{47.86, 2, 2.3, 1, 12, 1.5707963267948966, 0.3, 0, 6};

Town house() {
  return {{4, 4, 8, 4, 8, 8, 4, 8}, {0, 4}, 12, 70};
}

} // namespace

TEST_CASE("golden.dominant_path") {
  for_each_case("dominant_path", [](const json& one) {
    const Town town(flat<double>(one["vertices_m"]), flat<std::int32_t>(one["ring_start"]),
        one["shape"][0], one["shape"][1], one["push_m"]);
    const json& m = one["model"];
    const PathModel model{m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]};
    const Maps maps = paths(town, one["transmitter_m"][0], one["transmitter_m"][1], model);
    REQUIRE(maps.status.ok());
    const double never = std::numeric_limits<double>::infinity();
    check_close(maps.loss, flat<double>(one["loss_db"], never), 0, 1e-3);
    check_close(maps.length, flat<double>(one["length_m"], never), 1e-6, 0);
  });
}

TEST_CASE("city.corners_of_a_house_are_seen_along_its_walls") {
  const Town town = house();
  REQUIRE(town.corners.count == 4);
  for (std::size_t a = 0; a < 4; ++a)
    for (std::size_t b = 0; b < 4; ++b)
      CHECK(town.links[4 * a + b] == ((a + 2) % 4 == b ? 0 : 1));
  // 840 cells in 14 words: the last bits stay empty.
  for (std::size_t row = 0; row < 8; ++row)
    CHECK((town.pixels[14 * row + 13] >> (840 - 13 * 64)) == 0);
}

TEST_CASE("city.no_buildings_is_free_space") {
  const Town town({}, {0}, 9, 9);
  const Maps maps = paths(town, 4.5, 4.5, plain);
  REQUIRE(maps.status.ok());
  CHECK(maps.loss[4 * 9 + 4] == doctest::Approx(47.86));
  CHECK(maps.loss[0] == doctest::Approx(47.86 + 20 * std::log10(std::sqrt(32))));
}

TEST_CASE("city.a_wall_reflects_what_stands_before_it") {
  const Town town = house();
  const double from[] = {2.5, 6.5};
  const double wall_db[] = {8, 8, 8, 8};
  std::vector<double> scratch(16);
  std::vector<float> gain(12 * 70);
  REQUIRE(reflections(from, town.all_walls(), wall_db, 47.86, town.buildings.data(), town.grid,
      scratch.data(), gain.data())
          .ok());
  // Off the wall x = 4, in front of which both stand: the image is at (5.5, 6.5).
  const double squared = 25 + 4;
  CHECK(gain[4 * 70 + 0] == doctest::Approx(std::pow(10, -5.586) / squared).epsilon(1e-5));
  CHECK(gain[6 * 70 + 30] == 0);
  CHECK(gain[6 * 70 + 6] == 0);
}

TEST_CASE("city.names_the_wrong_value") {
  const Town town = house();
  const auto status = [&](auto change) {
    PathModel model = plain;
    change(model);
    return paths(town, 1, 1, model).status;
  };
  CHECK(status([](PathModel& m) { m.los_exponent = 0; }).argument == Argument::los_exponent);
  CHECK(status([](PathModel& m) { m.most_bend_db = 0; }).argument == Argument::most_bend_db);
  CHECK(status([](PathModel& m) { m.decay = NAN; }).code == Code::out_of_range);
  CHECK(paths(town, NAN, 1, plain).status.argument == Argument::transmitter_m);
  std::size_t count = 0;
  double xy[8];
  double wedges[24];
  const double twice[] = {0, 0, 1, 0, 1, 0, 0, 1};
  const std::int32_t starts[] = {0, 4};
  const Status same = convex_corners({twice, starts, 1}, 0.05, xy, wedges, count);
  CHECK(same.code == Code::zero);
  CHECK(same.index == 2);
  const std::int32_t short_ring[] = {0, 2};
  CHECK(convex_corners({twice, short_ring, 1}, 0.05, xy, wedges, count).argument ==
        Argument::ring_start);
  CHECK(convex_corners({twice, starts, 1}, -1, xy, wedges, count).argument == Argument::push_m);
}
