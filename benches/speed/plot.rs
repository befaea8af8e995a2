//! The plot of how cost grows: both axes logarithmic, so that a straight line of slope one is
//! linear growth.

use std::time::Duration;

use plotters::prelude::{
    BLUE, ChartBuilder, Circle, GREEN, IntoDrawingArea, IntoLogRange, LineSeries, MAGENTA, RED,
    RGBColor, SVGBackend, WHITE,
};

/// One line: what is varied, and the cost at each of its values.
pub struct Line {
    pub name: String,
    pub points: Vec<(i64, Duration)>,
}

const COLOURS: [RGBColor; 4] = [RED, BLUE, GREEN, MAGENTA];

/// Draws it into a file.
pub fn draw(path: &str, title: &str, lines: &[Line]) {
    let area = SVGBackend::new(path, (800, 500)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((1.0_f64..1e7).log_scale(), (1.0_f64..1e5).log_scale())
        .unwrap();
    chart
        .configure_mesh()
        .x_desc("value")
        .y_desc("milliseconds")
        .draw()
        .unwrap();
    for (line, colour) in lines.iter().zip(COLOURS) {
        // A logarithm knows no zero.
        let at =
            |(value, time): &(i64, Duration)| ((*value).max(1) as f64, time.as_secs_f64() * 1000.0);
        chart
            .draw_series(LineSeries::new(line.points.iter().map(at), colour))
            .unwrap()
            .label(&line.name)
            .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour));
        chart
            .draw_series(
                line.points
                    .iter()
                    .map(at)
                    .map(|point| Circle::new(point, 3, colour)),
            )
            .unwrap();
    }
    chart
        .configure_series_labels()
        .border_style(WHITE)
        .draw()
        .unwrap();
    area.present().unwrap();
}
