#include <fmt/format.h>

#include <algorithm>

#include "sim/base/text.h"
#include "sim/report/sweep_report.h"

namespace lockstep {
namespace {

// As gnuplot reads a text between double quotes; its enhanced mode is off.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + '"';
}

struct Point {
  std::string x;
  std::string y;
  double order = 0;
  std::string label;
};

std::string block(const char* name, const std::vector<Point>& points) {
  std::string text = fmt::format("${} << EOD\n", name);
  for (const Point& point : points) {
    text += fmt::format("{} {} {}\n", point.x, point.y, quoted(point.label));
  }
  return text + "EOD\n";
}

// The points with numbers of the result, by what they are.
struct Points {
  std::vector<Point> front;
  std::vector<Point> good;
  std::vector<Point> bad;  // violated, or too large
};

Points points_of(const SweepResult& result) {
  const std::size_t first = result.pareto.front();
  const bool over_points = result.pareto.size() < 2;
  const std::size_t second = over_points ? first : result.pareto[1];
  Points points;
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    const SweepRow& row = result.rows[i];
    if (!row.measures[first] || !row.measures[second]) continue;
    const std::string x = over_points ? fmt::format("{}", i) : text_of(row, first);
    const Point point{x, text_of(row, second), over_points ? double(i) : *row.measures[first],
                      join(row.values, " ")};
    const bool on_front = row.marks.starts_with("front");
    (on_front ? points.front : row.is_good() ? points.good : points.bad).push_back(point);
  }
  std::ranges::stable_sort(points.front, {}, &Point::order);
  return points;
}

std::string axis_label(std::size_t measure) {
  return quoted(fmt::format("{}: {}", kMeasures[measure].name, kMeasures[measure].meaning));
}

}  // namespace

std::string sweep_plot(const SweepResult& result) {
  const Points points = points_of(result);
  const bool over_points = result.pareto.size() < 2;
  std::string text =
      "set terminal svg size 900,600 noenhanced background rgb 'white'\n"
      "set grid lc rgb '#dddddd'\nset key outside bottom horizontal\nset offsets graph 0.05, graph "
      "0.15, graph 0.05, 0\nset yrange [0:*]\n";
  text += fmt::format("set title {}\n", quoted(result.scenario));
  text += fmt::format("set xlabel {}\n", over_points ? quoted("point, in the order of the table")
                                                     : axis_label(result.pareto[0]));
  text += fmt::format("set ylabel {}\n", axis_label(result.pareto[over_points ? 0 : 1]));
  text += block("front", points.front) + block("good", points.good) + block("bad", points.bad);
  std::vector<std::string> parts;
  if (!points.bad.empty()) {
    parts.emplace_back(
        "$bad using 1:2 with points pt 2 lc rgb '#cc3333' title 'wrong, or too large'");
  }
  if (!points.good.empty()) {
    parts.emplace_back("$good using 1:2 with points pt 7 ps 0.6 lc rgb '#888888' title 'holds'");
  }
  if (!points.front.empty()) {
    parts.emplace_back("$front using 1:2 with linespoints pt 7 lc rgb '#1f5fbf' title 'front'");
    parts.emplace_back(
        "$front using 1:2:3 with labels left offset char 0.7,0.4 font ',10' notitle");
  }
  if (parts.empty()) {
    text += "set xrange [0:1]\nset yrange [0:1]\n";
    parts.emplace_back("1/0 title 'no point has these numbers'");
  }
  return text + "plot " + join(parts, ", \\\n  ") + "\n";
}

}  // namespace lockstep
