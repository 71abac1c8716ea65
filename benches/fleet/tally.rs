//! What happened to a fleet, counted.

use crate::week::{HOUR, MINUTE, Millis, OUTAGES, SECOND, USUAL, WEEK, was_out};

/// A rate above this share of what is usual is a peak.
const PEAK: f64 = 1.5;

pub struct Tally {
    /// Requests to the service, by second.
    requests: Vec<u32>,
    answered: u64,
    waited: u64,
    /// Failed connects, by minute.
    failed: Vec<u32>,
    failed_outside: Vec<(Millis, u64)>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            requests: vec![0; (WEEK / SECOND) as usize],
            answered: 0,
            waited: 0,
            failed: vec![0; (WEEK / MINUTE) as usize],
            failed_outside: Vec::new(),
        }
    }
}

impl Tally {
    pub fn asked(&mut self, at: Millis, answered: bool) {
        self.requests[(at / SECOND) as usize] += 1;
        self.answered += u64::from(answered);
    }

    pub fn waited(&mut self, _at: Millis, connects: u64) {
        self.waited += connects;
    }

    /// Connects fail a little later than an outage ends: in the pause after the last failed fetch, or
    /// waiting for it. So this wants to know too from when the failure may date.
    pub fn failed(&mut self, at: Millis, dates_from: Millis, connects: u64) {
        if connects == 0 || at >= WEEK {
            return;
        }
        self.failed[(at / MINUTE) as usize] += connects as u32;
        if !was_out(dates_from, at) {
            self.failed_outside.push((at, connects));
        }
    }

    pub fn plus(mut self, other: Self) -> Self {
        self.requests.iter_mut().zip(&other.requests).for_each(|(sum, more)| *sum += more);
        self.failed.iter_mut().zip(&other.failed).for_each(|(sum, more)| *sum += more);
        self.answered += other.answered;
        self.waited += other.waited;
        self.failed_outside.extend(other.failed_outside);
        self
    }

    /// Connects that failed after this time although the service answered.
    pub fn failed_outside_outages(&self, after: Millis) -> u64 {
        self.failed_outside.iter().filter(|(at, _)| *at > after).map(|(_, connects)| connects).sum()
    }

    pub fn peak_second(&self) -> u32 {
        self.requests.iter().copied().max().unwrap_or_default()
    }

    /// Requests a second, by minute.
    pub fn rates(&self) -> Vec<f64> {
        self.requests
            .chunks(60)
            .map(|minute| f64::from(minute.iter().sum::<u32>()) / 60.0)
            .collect()
    }

    /// Requests a second on average, on a usual day.
    fn mean(&self) -> f64 {
        let usual = &self.requests[(USUAL.start / SECOND) as usize..(USUAL.end / SECOND) as usize];
        f64::from(usual.iter().sum::<u32>()) / usual.len() as f64
    }

    /// The highest rate of a minute on a usual day.
    fn usual_peak(&self) -> f64 {
        let usual = (USUAL.start / MINUTE) as usize..(USUAL.end / MINUTE) as usize;
        self.rates()[usual].iter().copied().fold(0.0, f64::max)
    }

    /// For each outage, how long after its end the rate was last a peak.
    fn settled_after(&self) -> Vec<Millis> {
        let (rates, limit) = (self.rates(), PEAK * self.mean());
        let ends = OUTAGES.iter().skip(1).map(|next| next.start).chain([WEEK]);
        let settled = OUTAGES.iter().zip(ends).map(|(outage, end)| {
            let minutes = (outage.end / MINUTE) as usize..(end / MINUTE) as usize;
            let last = minutes.clone().rev().find(|minute| rates[*minute] > limit);
            last.map_or(0, |minute| (minute as Millis + 1) * MINUTE - outage.end)
        });
        settled.collect()
    }

    /// For each outage, the most requests in a second during it and in the hour after it.
    fn peaks(&self) -> Vec<(u32, u32)> {
        let most = |from: Millis, to: Millis| {
            let seconds = &self.requests[(from / SECOND) as usize..(to / SECOND) as usize];
            seconds.iter().copied().max().unwrap_or_default()
        };
        let peaks = OUTAGES
            .iter()
            .map(|outage| (most(outage.start, outage.end), most(outage.end, outage.end + HOUR)));
        peaks.collect()
    }

    /// The share of the connects that failed during each outage, at one a minute.
    fn failed_in_outages(&self, size: u32) -> Vec<f64> {
        let failed = OUTAGES.iter().map(|outage| {
            let (first, last) = ((outage.start / MINUTE) as usize, (outage.end / MINUTE) as usize);
            let failed: u32 = self.failed[first..last].iter().sum();
            f64::from(failed) / f64::from(size) / (last - first) as f64
        });
        failed.collect()
    }

    pub fn heading() -> String {
        format!(
            "{:>9} {:>4} {:>9} {:>7} {:>9} {:>7} | {:^23} | {:^27} | {:^20} | {:^18}",
            "instances",
            "seed",
            "requests",
            "mean/s",
            "peak/mean",
            "failed",
            "failed in outages of",
            "most/s in the outage, after",
            "settled after",
            "start: most/s"
        ) + &format!(
            "\n{:>49} | {:>7} {:>7} {:>7} | {:>27} | {:>20} |",
            "outside", "5 min", "1 h", "11 h", "5 min, 1 h, 11 h", "5 min, 1 h, 11 h"
        )
    }

    pub fn row(&self, size: u32, seed: u64) -> String {
        let requests: u64 = self.requests.iter().map(|count| u64::from(*count)).sum();
        let (mean, failed) = (self.mean(), self.failed_in_outages(size));
        // A few instances have no rate to speak of.
        let peak =
            if size < 10_000 { "-".to_owned() } else { format!("{:.2}", self.usual_peak() / mean) };
        let peaks: Vec<_> =
            self.peaks().iter().map(|(during, after)| format!("{during},{after}")).collect();
        let settled: Vec<_> =
            self.settled_after().iter().map(|settled| format!("{}", settled / MINUTE)).collect();
        let settled = if size < 10_000 { "-".to_owned() } else { settled.join(", ") + " min" };
        let start = self.requests[..120].iter().max().copied().unwrap_or_default();
        format!(
            "{size:>9} {seed:>4} {requests:>9} {mean:>7.2} {peak:>9} {:>7} | {:>6.1}% {:>6.1}% {:>6.1}% | {:>27} | {settled:>20} | {start:>8}",
            self.failed_outside_outages(0),
            failed[0] * 100.0,
            failed[1] * 100.0,
            failed[2] * 100.0,
            peaks.join(" "),
        )
    }

    /// Fails if what the fleet of service principals is meant to show does not hold.
    pub fn check(&self, size: u32) {
        let failed = self.failed_outside_outages(0);
        assert_eq!(
            failed, 0,
            "connects failed while the service answered: {:?}",
            self.failed_outside
        );
        if size >= 10_000 {
            let (peak, mean) = (self.usual_peak(), self.mean());
            assert!(
                peak <= PEAK * mean,
                "a peak of {peak:.1} requests a second, and {mean:.1} on average"
            );
        }
    }
}
