#include "rssfix/dominant_path.hpp"

#include <limits>

#include "city_check.hpp"
#include "rssfix/corner_visibility.hpp"
#include "view.hpp"

namespace rssfix {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();
constexpr double most_db = 1e6;
// 10 log10(x) = db_per_log2 log2(x)
constexpr double db_per_log2 = 3.010299956639812;

Status check(const PathModel& model) noexcept {
  const auto positive = [](double v) { return v > 0 && v <= most_db; };
  const auto bounded = [](double v) { return v >= 0 && v <= most_db; };
  if (!bounded(model.reference_db))
    return {Code::out_of_range, Argument::reference_db};
  if (!positive(model.los_exponent))
    return {Code::out_of_range, Argument::los_exponent};
  if (!positive(model.nlos_exponent))
    return {Code::out_of_range, Argument::nlos_exponent};
  if (!bounded(model.least_bend_db))
    return {Code::out_of_range, Argument::least_bend_db};
  if (!(model.most_bend_db >= model.least_bend_db && model.most_bend_db <= most_db))
    return {Code::out_of_range, Argument::most_bend_db};
  if (!positive(model.full_bend_rad))
    return {Code::out_of_range, Argument::full_bend_rad};
  if (!bounded(model.decay))
    return {Code::out_of_range, Argument::decay};
  if (!bounded(model.obstacle_db))
    return {Code::out_of_range, Argument::obstacle_db};
  return {};
}

// Angle in [0, pi] between a direction and one `turn` to its side, of any length; exact to 1e-6.
inline double angle(double along, double turn) noexcept {
  const double forward = std::fabs(along);
  const double high = std::fmax(forward, turn);
  const double t = high > 0 ? std::fmin(forward, turn) / high : 0;
  const double t2 = t * t;
  // Odd minimax polynomial of atan on [0, 1].
  double a = -0.00405405;
  a = a * t2 + 0.02186123;
  a = a * t2 - 0.05590989;
  a = a * t2 + 0.09642022;
  a = a * t2 - 0.13908534;
  a = a * t2 + 0.19946536;
  a = a * t2 - 0.33329856;
  a = (a * t2 + 0.99999934) * t;
  constexpr double quarter = 1.5707963267948966;
  a = turn > forward ? quarter - a : a;
  return along < 0 ? 2 * quarter - a : a;
}

// Angle at a building's corner. Past a corner that only its pushed point bends at, straight on: 0.
inline double bend(Vec arrival, Vec leg, double sign) noexcept {
  return angle(dot(arrival, leg), std::fmax(sign * cross(arrival, leg), 0));
}

class Search {
 public:
  Search(const Sights& sights, const PathModel& model, PathLabel* labels) noexcept
      : sights_(sights), model_(model), labels_(labels) {}

  void start(const View& view, const View* clear) noexcept {
    for (std::size_t s = 0; s < 2 * sights_.corners.count; ++s) {
      labels_[s].loss_db = never;
      labels_[s].settled = false;
    }
    if (model_.most_corners == 0)
      return;
    for (std::size_t c = 0; c < sights_.corners.count; ++c)
      if (const Vec at = corner(c); view.sees(at)) {
        const bool free = clear == nullptr || clear->sees(at);
        reach(c, view.from(), view.from(), 0, free ? 0 : model_.obstacle_db, 0);
      }
  }

  // Settles the state of least loss and goes on from it; false when there is none left.
  bool step(std::size_t& settled) noexcept {
    const std::size_t states = 2 * sights_.corners.count;
    std::size_t best = states;
    double least = never;
    for (std::size_t s = 0; s < states; ++s)
      if (!labels_[s].settled && labels_[s].loss_db < least) {
        least = labels_[s].loss_db;
        best = s;
      }
    if (best == states)
      return false;
    labels_[best].settled = true;
    settled = best;
    if (labels_[best].bends + 1 < model_.most_corners)
      extend(best);
    return true;
  }

  // Loss of the bend number `bends` (from 0) by an angle.
  double bend_db(double radians, std::uint32_t bends) const noexcept {
    const double share = std::fmin(radians / model_.full_bend_rad, 1);
    const double loss = model_.least_bend_db + (model_.most_bend_db - model_.least_bend_db) * share;
    return loss / (1 + model_.decay * static_cast<double>(bends));
  }

 private:
  Vec corner(std::size_t c) const noexcept {
    return {sights_.corners.xy_m[2 * c], sights_.corners.xy_m[2 * c + 1]};
  }

  const double* wedge(std::size_t c) const noexcept { return sights_.corners.wedges + 6 * c; }
  Vec vertex(std::size_t c) const noexcept { return {wedge(c)[0], wedge(c)[1]}; }

  void extend(std::size_t state) noexcept {
    const std::size_t from = state / 2;
    const PathLabel& label = labels_[state];
    const Vec arrival{label.direction_x, label.direction_y};
    const Vec last = corner(from) - Vec{label.from_x_m, label.from_y_m};
    const auto side = static_cast<Side>(state % 2);
    const double sign = side == Side::left ? 1 : -1;
    const std::size_t row = from * sights_.corners.count;
    for (std::size_t c = 0; c < sights_.corners.count; ++c) {
      if (sights_.links[row + c] == 0 || c == from)
        continue;
      if (sign * cross(last, corner(c) - corner(from)) < 0 ||
          !wraps(side, corner(from), wedge(from), corner(c), true))
        continue;
      const bool free = sights_.clear_links == nullptr || sights_.clear_links[row + c] != 0;
      const double bends =
          label.bends_db + bend_db(bend(arrival, vertex(c) - vertex(from), sign), label.bends);
      reach(c, corner(from), vertex(from), label.length_m, bends + (free ? 0 : model_.obstacle_db),
          label.bends + 1);
    }
  }

  // `from`: where the leg starts, pushed outwards for its length and at the corner for its angle.
  void reach(std::size_t c, Vec from, Vec from_vertex, double before_m, double bends_db,
      std::uint32_t bends) noexcept {
    const Vec leg = corner(c) - from;
    const double length = before_m + std::sqrt(dot(leg, leg));
    const double loss =
        db_per_log2 * model_.nlos_exponent * std::log2(std::fmax(length, 1)) + bends_db;
    for (const Side side : {Side::left, Side::right}) {
      PathLabel& label = labels_[2 * c + static_cast<std::size_t>(side)];
      if (label.settled || !(loss < label.loss_db) ||
          !wraps(side, corner(c), wedge(c), from, false))
        continue;
      const Vec along = vertex(c) - from_vertex;
      const double along_m = std::sqrt(dot(along, along));
      label = {loss, bends_db, length, along.x / along_m, along.y / along_m, from.x, from.y, bends,
          false};
    }
  }

  const Sights& sights_;
  const PathModel& model_;
  PathLabel* labels_;
};

} // namespace

Status dominant_path(const double* transmitter_m, const Sights& sights,
    const std::uint8_t* buildings, const PathModel& model, const Grid& grid, PathLabel* labels,
    float* loss_db, float* length_m, std::uint8_t* los) noexcept {
  if (const Status status = check_transmitter(transmitter_m); !status.ok())
    return status;
  if (const Status status = check(sights.walls, Argument::walls_m); !status.ok())
    return status;
  if (const Status status = check(sights.clear_walls, Argument::clear_walls_m); !status.ok())
    return status;
  if (const Status status = check(sights.corners); !status.ok())
    return status;
  if (const Status status = check(grid); !status.ok())
    return status;
  if (const Status status = check(model); !status.ok())
    return status;
  const Vec from{transmitter_m[0], transmitter_m[1]};
  const bool obstacles = sights.clear_pixels != nullptr;
  View view;
  View clear;
  view.look(from, sights.walls);
  if (obstacles)
    clear.look(from, sights.clear_walls);
  const auto centre = [&](std::size_t cell) {
    return Vec{grid.origin_x_m + grid.pitch_m * static_cast<double>(cell % grid.width),
        grid.origin_y_m + grid.pitch_m * static_cast<double>(cell / grid.width)};
  };
  const std::size_t cells = grid.height * grid.width;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    loss_db[cell] = length_m[cell] = std::numeric_limits<float>::infinity();
    const Vec at = centre(cell);
    los[cell] = buildings[cell] == 0 && view.sees(at);
    if (los[cell] == 0)
      continue;
    const Vec leg = at - from;
    const double length = std::sqrt(dot(leg, leg));
    const double free = !obstacles || clear.sees(at) ? 0 : model.obstacle_db;
    length_m[cell] = static_cast<float>(length);
    loss_db[cell] =
        static_cast<float>(model.reference_db + free +
                           db_per_log2 * model.los_exponent * std::log2(std::fmax(length, 1)));
  }
  Search search(sights, model, labels);
  search.start(view, obstacles ? &clear : nullptr);
  const std::size_t words = pixel_words(grid);
  for (std::size_t state = 0; search.step(state);) {
    const PathLabel& label = labels[state];
    const Vec arrival{label.direction_x, label.direction_y};
    const double sign = state % 2 == 0 ? 1 : -1;
    const Vec at{sights.corners.xy_m[state / 2 * 2], sights.corners.xy_m[state / 2 * 2 + 1]};
    const Vec last = at - Vec{label.from_x_m, label.from_y_m};
    const double* const wedge = sights.corners.wedges + 6 * (state / 2);
    const Vec vertex{wedge[0], wedge[1]};
    for (std::size_t word = 0; word < words; ++word) {
      const std::uint64_t seen = sights.pixels[state * words + word];
      const std::uint64_t free = obstacles ? sights.clear_pixels[state * words + word] : seen;
      for (std::uint64_t left = seen; left != 0; left &= left - 1) {
        const auto bit = static_cast<std::size_t>(__builtin_ctzll(left));
        const std::size_t cell = 64 * word + bit;
        if (los[cell] != 0)
          continue;
        const Vec goal = centre(cell);
        const Vec leg = goal - at;
        if (sign * cross(last, leg) < 0)
          continue;
        const double length = label.length_m + std::sqrt(dot(leg, leg));
        const double loss = model.reference_db + label.bends_db +
                            search.bend_db(bend(arrival, goal - vertex, sign), label.bends) +
                            ((free >> bit) & 1 ? 0 : model.obstacle_db) +
                            db_per_log2 * model.nlos_exponent * std::log2(std::fmax(length, 1));
        if (static_cast<float>(loss) < loss_db[cell]) {
          loss_db[cell] = static_cast<float>(loss);
          length_m[cell] = static_cast<float>(length);
        }
      }
    }
  }
  return {};
}

} // namespace rssfix
