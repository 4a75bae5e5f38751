//! What a handful of repeated measurements supports, and what it does not.
//!
//! The unit of repetition is the process invocation. With few invocations the 95 % interval of the mean uses Student's
//! t (Georges, Buytaert and Eeckhout, OOPSLA 2007); two programs are compared by the interval of their *ratio*, paired
//! by invocation because the runs were interleaved and noise that lasts (another program, a hot processor) hits
//! neighbours alike. Ratios are averaged as logarithms, so that twice and half as fast weigh the same. An interval that
//! contains 1 supports no statement about which of the two is faster.
//!
//! Times are not normally distributed; with five invocations nothing better than t is to be had without assuming more.

use distrs::StudentsT;

/// Below this many invocations no interval is computed: with two, t is 12.7 and the interval says nothing.
pub const FEWEST_FOR_INTERVAL: usize = 3;

/// The middle value, or the mean of the two middle values; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { Some(sorted[middle]) } else { Some(f64::midpoint(sorted[middle - 1], sorted[middle])) }
}

/// A mean and the half width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The arithmetic mean.
    pub mean: f64,
    /// Half the width of the interval around the mean.
    pub half_width: f64,
}

impl Interval {
    /// The lower end.
    #[must_use]
    pub fn low(self) -> f64 {
        self.mean - self.half_width
    }

    /// The upper end.
    #[must_use]
    pub fn high(self) -> f64 {
        self.mean + self.half_width
    }
}

/// The 95 % confidence interval of the mean, or `None` with fewer than [`FEWEST_FOR_INTERVAL`] values.
#[must_use]
pub fn interval_of_mean(values: &[f64]) -> Option<Interval> {
    if values.len() < FEWEST_FOR_INTERVAL {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(Interval { mean, half_width: t_975(values.len() - 1) * (variance / n).sqrt() })
}

/// The 97.5 % quantile of Student's t with that many degrees of freedom.
fn t_975(degrees_of_freedom: usize) -> f64 {
    StudentsT::ppf(0.975, degrees_of_freedom as f64)
}

/// How two interleaved series of measurements compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Median of the first over median of the second.
    pub value: f64,
    /// The 95 % interval of the paired ratio (geometric mean), with at least three pairs.
    pub interval: Option<(f64, f64)>,
}

impl Ratio {
    /// Compares `ours` with `theirs`, two series in invocation order, paired as far as both go. `None` when either is
    /// empty or holds something that no time can be.
    #[must_use]
    pub fn of(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        let value = median(ours)? / median(theirs)?;
        let logarithms: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| (a / b).ln()).collect();
        if !value.is_finite() || logarithms.iter().any(|log| !log.is_finite()) {
            return None;
        }
        let interval = interval_of_mean(&logarithms).map(|log| (log.low().exp(), log.high().exp()));
        Some(Self { value, interval })
    }

    /// Whether the measurements leave open which of the two is faster.
    #[must_use]
    pub fn no_difference_shown(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low <= 1.0 && 1.0 <= high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn students_t_is_the_one_of_the_tables() {
        for (degrees, expected) in [(2, 4.303), (4, 2.776), (9, 2.262), (29, 2.045), (1000, 1.962)] {
            let t = t_975(degrees);
            assert!(close(t, expected), "{degrees}: {t}");
        }
    }

    #[test]
    fn interval_of_a_known_sample() {
        // Mean 3, sample deviation sqrt(2.5), n = 5: 2.776 * 1.5811 / 2.2361.
        let interval = interval_of_mean(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!(close(interval.mean, 3.0) && close(interval.half_width, 1.963), "{interval:?}");
        assert_eq!(interval_of_mean(&[1.0, 2.0]), None);
    }

    #[test]
    fn identical_measurements_have_an_interval_of_width_zero() {
        let interval = interval_of_mean(&[2.0; 5]).unwrap();
        assert_eq!((interval.mean, interval.half_width), (2.0, 0.0));
    }

    #[test]
    fn a_clear_ratio_is_shown() {
        let ratio = Ratio::of(&[20.0, 20.2, 19.8, 20.1], &[10.0, 10.1, 9.9, 10.0]).unwrap();
        assert!(close(ratio.value, 2.005), "{ratio:?}");
        assert!(!ratio.no_difference_shown());
    }

    #[test]
    fn a_ratio_lost_in_noise_is_not() {
        let ratio = Ratio::of(&[10.0, 14.0, 9.0, 12.0], &[11.0, 10.0, 12.0, 9.5]).unwrap();
        assert!(ratio.no_difference_shown(), "{ratio:?}");
    }

    #[test]
    fn noise_that_hits_both_alike_cancels_by_pairing() {
        // Each invocation is slower than the one before, for both; one of them always takes 5 % longer.
        let theirs = [100.0, 120.0, 140.0, 160.0];
        let ours = theirs.map(|time| time * 1.05);
        assert!(!Ratio::of(&ours, &theirs).unwrap().no_difference_shown());
    }

    #[test]
    fn too_few_measurements_make_no_claim() {
        let ratio = Ratio::of(&[10.0, 10.0], &[10.0, 10.0]).unwrap();
        assert_eq!(ratio.interval, None);
        assert!(!ratio.no_difference_shown());
        assert_eq!(Ratio::of(&[], &[1.0]), None);
        assert_eq!(Ratio::of(&[1.0], &[0.0]), None);
    }
}
