//! Small statistics for what criterion does not do: samples of several things taken in turn.

use std::time::{Duration, Instant};

/// Times of one thing, in milliseconds.
#[derive(Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Runs this once and keeps the time it took.
    pub async fn time<T>(&mut self, run: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let result = run.await;
        self.add(started.elapsed());
        result
    }

    pub fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1000.0);
    }

    /// All of them together, in seconds.
    pub fn total(&self) -> f64 {
        self.0.iter().sum::<f64>() / 1000.0
    }

    /// The median, and the quartiles around it.
    pub fn summary(&self) -> String {
        let sorted = sorted(&self.0);
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| quantile(&sorted, share));
        format!("{median:8.3} ms   ({low:.3} to {high:.3})")
    }

    /// The median of the ratios of samples that were taken in turn, and the range that holds the true
    /// median in 95 of 100 runs.
    pub fn ratio_to(&self, other: &Self) -> String {
        let ratios: Vec<f64> = self.0.iter().zip(&other.0).map(|(ours, raw)| ours / raw).collect();
        let sorted = sorted(&ratios);
        // Ranks of a median's confidence interval: binomial with p = 1/2, as a normal distribution.
        let spread = 0.98 / (sorted.len() as f64).sqrt();
        let [low, median, high] =
            [0.5 - spread, 0.5, 0.5 + spread].map(|share| quantile(&sorted, share));
        format!("{median:.3}   (95 %: {low:.3} to {high:.3})")
    }
}

/// This many rounds, or one if cargo runs the benchmark as a test.
pub fn rounds(wanted: usize) -> usize {
    let is_benchmark = std::env::args().any(|argument| argument == "--bench");
    if is_benchmark { wanted } else { 1 }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// The value below which this share of the sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[((last as f64 * share).round() as usize).min(last)]
}
