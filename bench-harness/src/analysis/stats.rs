//! What a handful of repeated measurements supports, and what it does not.
//!
//! The unit of repetition is the process invocation. Two programs are compared by the interval of their *ratio*, paired
//! by invocation because the runs were interleaved and noise that lasts (another program, a hot processor) hits
//! neighbours alike. Ratios are averaged as logarithms, so that twice and half as fast weigh the same.
//!
//! With few invocations the 95 % interval uses Student's t (Georges, Buytaert and Eeckhout, OOPSLA 2007). Times are not
//! normally distributed, but with five of them nothing better is to be had: a bootstrap of five values sees only those
//! five, and declares a difference between equals in one case of six. From [`FEWEST_FOR_BOOTSTRAP`] on there is enough
//! to resample, and the percentile bootstrap assumes no distribution. It draws from a fixed seed: the same records make
//! the same table.
//!
//! **A table is many questions.** Of twenty comparisons of equals one is beyond its 95 % interval. So a difference is
//! said to be *shown* only if it is after Holm's correction over all ratios of a column ([`holm`]); intervals are
//! printed as they are.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::workloads::Random;

/// Below this many invocations no interval is computed: with two, t is 12.7 and the interval says nothing.
pub const FEWEST_FOR_INTERVAL: usize = 3;

/// From so many invocations on the interval is that of a bootstrap.
pub const FEWEST_FOR_BOOTSTRAP: usize = 30;

/// How often the bootstrap resamples.
const RESAMPLES: u32 = 10_000;

/// What is less probable than this without a difference shows one.
const SIGNIFICANT: f64 = 0.05;

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
    students_t(degrees_of_freedom as f64).inverse_cdf(0.975)
}

fn students_t(degrees_of_freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).expect("there are degrees of freedom")
}

/// How two interleaved series of measurements compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The geometric mean of the paired ratios; with less than three pairs the median of the first over that of the
    /// second.
    pub value: f64,
    /// What the pairs say about it, with at least three.
    pub evidence: Option<Evidence>,
}

/// What pairs say about a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// How many there were.
    pub pairs: usize,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How probable a ratio at least so far from 1 is, if there is no difference; corrected for the number of questions
    /// where several are asked at once.
    pub p: f64,
}

impl Evidence {
    /// Whether there is a difference, and not only noise.
    #[must_use]
    pub fn shows_a_difference(&self) -> bool {
        self.p < SIGNIFICANT
    }

    /// Half the width of the interval, relative to its middle: 0.02 for ±2 %.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high / self.low).sqrt() - 1.0
    }
}

impl Ratio {
    /// A contestant compared with itself, as the one that the others are compared with.
    pub const SAME: Self = Self { value: 1.0, evidence: None };

    /// Compares `ours` with `theirs`, two series of invocation numbers and measurements, paired by number. `None` when
    /// either is empty or holds something that no time can be.
    #[must_use]
    pub fn paired(ours: &[(u32, f64)], theirs: &[(u32, f64)]) -> Option<Self> {
        let values = |series: &[(u32, f64)]| series.iter().map(|(_, value)| *value).collect::<Vec<_>>();
        let medians = median(&values(ours))? / median(&values(theirs))?;
        let partner = |number: u32| theirs.iter().find(|(n, _)| *n == number).map(|(_, value)| *value);
        let logarithms: Vec<f64> = ours.iter().filter_map(|(n, value)| Some((value / partner(*n)?).ln())).collect();
        if !medians.is_finite() || logarithms.iter().any(|log| !log.is_finite()) {
            return None;
        }
        Some(match evidence(&logarithms) {
            Some(evidence) => Self { value: mean(&logarithms).exp(), evidence: Some(evidence) },
            None => Self { value: medians, evidence: None },
        })
    }

    /// Whether the measurements leave open which of the two is faster.
    #[must_use]
    pub fn no_difference_shown(&self) -> bool {
        self.evidence.is_some_and(|evidence| !evidence.shows_a_difference())
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn evidence(logarithms: &[f64]) -> Option<Evidence> {
    let pairs = logarithms.len();
    if pairs >= FEWEST_FOR_BOOTSTRAP {
        return Some(bootstrap(logarithms));
    }
    let interval = interval_of_mean(logarithms)?;
    let degrees = (pairs - 1) as f64;
    let p = if interval.mean == 0.0 {
        1.0
    } else {
        // The half width is t of 97.5 % times the standard error.
        let t = interval.mean.abs() * t_975(pairs - 1) / interval.half_width;
        2.0 * students_t(degrees).sf(t)
    };
    Some(Evidence { pairs, low: interval.low().exp(), high: interval.high().exp(), p: p.clamp(0.0, 1.0) })
}

/// The percentile bootstrap of the mean.
fn bootstrap(logarithms: &[f64]) -> Evidence {
    let pairs = logarithms.len();
    let mut random = Random::new(pairs as u64);
    let mut one = || logarithms[random.below(u32::try_from(pairs).unwrap_or(u32::MAX)) as usize];
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| (0..pairs).map(|_| one()).sum::<f64>() / pairs as f64).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of their number")]
        let place = (share * f64::from(RESAMPLES - 1)).round() as usize;
        means[place].exp()
    };
    // A resample on the other side of "no difference" speaks for there being none; never none of them.
    let [below, above] =
        [means.partition_point(|mean| *mean < 0.0), means.len() - means.partition_point(|mean| *mean <= 0.0)];
    let other_side = means.len() - below.max(above);
    let p = 2.0 * (other_side + 1) as f64 / (means.len() + 1) as f64;
    Evidence { pairs, low: at(0.025), high: at(0.975), p: p.min(1.0) }
}

/// Corrects probabilities for being that many (Holm, 1979): if none of the differences exists, the chance that any of
/// them is said to be shown stays below that of a single one. Sharper than Bonferroni's, and assumes no more.
#[must_use]
pub fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
    let mut corrected = vec![0.0; probabilities.len()];
    let mut least = 0.0_f64;
    for (rank, &place) in order.iter().enumerate() {
        least = least.max(probabilities[place] * (probabilities.len() - rank) as f64).min(1.0);
        corrected[place] = least;
    }
    corrected
}

/// Corrects the evidence of ratios that are looked at together.
pub fn correct<'a>(ratios: impl IntoIterator<Item = &'a mut Ratio>) {
    let mut evidence: Vec<_> = ratios.into_iter().filter_map(|ratio| ratio.evidence.as_mut()).collect();
    let corrected = holm(&evidence.iter().map(|evidence| evidence.p).collect::<Vec<_>>());
    for (evidence, p) in evidence.iter_mut().zip(corrected) {
        evidence.p = p;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// Far out in the tail too, where a difference is plain: with 59 degrees of freedom one implementation counted
    /// terms in eight bits.
    #[test]
    fn students_t_has_tails() {
        for degrees in 1..=250_u8 {
            let mut last = 0.5;
            for t in [0.1, 1.0, 3.0, 10.0, 30.0, 1e3, 1e6, 1e12, f64::INFINITY] {
                let tail = students_t(degrees.into()).sf(t);
                assert!((0.0..=last).contains(&tail), "{degrees}, {t}: {tail}");
                last = tail;
            }
        }
        // From a table: 9 degrees, 4.781 leaves 0.0005; 60 degrees, 3.460.
        assert!((students_t(9.0).sf(4.781) - 5e-4).abs() < 1e-6 && (students_t(60.0).sf(3.460) - 5e-4).abs() < 1e-6);
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

    fn numbered(values: &[f64]) -> Vec<(u32, f64)> {
        (1..).zip(values.iter().copied()).collect()
    }

    fn ratio(ours: &[f64], theirs: &[f64]) -> Option<Ratio> {
        Ratio::paired(&numbered(ours), &numbered(theirs))
    }

    #[test]
    fn a_clear_ratio_is_shown() {
        let ratio = ratio(&[20.0, 20.2, 19.8, 20.1], &[10.0, 10.1, 9.9, 10.0]).unwrap();
        assert!(close(ratio.value, 2.0025), "{ratio:?}");
        assert!(!ratio.no_difference_shown());
    }

    #[test]
    fn a_ratio_lost_in_noise_is_not() {
        let ratio = ratio(&[10.0, 14.0, 9.0, 12.0], &[11.0, 10.0, 12.0, 9.5]).unwrap();
        assert!(ratio.no_difference_shown(), "{ratio:?}");
    }

    #[test]
    fn noise_that_hits_both_alike_cancels_by_pairing() {
        // Each invocation is slower than the one before, for both; one of them always takes 5 % longer.
        let theirs = [100.0, 120.0, 140.0, 160.0];
        let ours = theirs.map(|time| time * 1.05);
        let evidence = ratio(&ours, &theirs).unwrap().evidence.unwrap();
        assert!(evidence.shows_a_difference() && evidence.half_width() < 1e-9, "{evidence:?}");
    }

    #[test]
    fn too_few_measurements_make_no_claim() {
        let same = ratio(&[10.0, 10.0], &[10.0, 10.0]).unwrap();
        assert_eq!(same, Ratio::SAME);
        assert!(!same.no_difference_shown());
        assert_eq!(ratio(&[], &[1.0]), None);
        assert_eq!(ratio(&[1.0], &[0.0]), None);
    }

    #[test]
    fn only_runs_of_the_same_invocation_are_paired() {
        let theirs: Vec<_> = (1..=4).map(|n| (n, 100.0 * f64::from(n))).collect();
        let ours: Vec<_> = (2..=4).map(|n| (n, 110.0 * f64::from(n))).collect();
        let ratio = Ratio::paired(&ours, &theirs).unwrap();
        assert!(close(ratio.value, 1.1) && ratio.evidence.unwrap().pairs == 3, "{ratio:?}");
    }

    /// The probability and the interval are two views of the same: 1 is at its edge when p is 5 %.
    #[test]
    fn probability_and_interval_agree() {
        let logarithms = [0.01, 0.05, 0.03, 0.02, 0.06];
        let found = evidence(&logarithms).unwrap();
        let shift = found.low.ln();
        let at_edge = evidence(&logarithms.map(|log| log - shift)).unwrap();
        assert!(close(at_edge.p, 0.05) && close(at_edge.low, 1.0), "{at_edge:?}");
        let opposite = evidence(&logarithms.map(|log| -log)).unwrap();
        assert!(close(opposite.p, found.p) && close(opposite.low * found.high, 1.0));
    }

    /// Noise as benchmarks have it: skewed, with outliers upwards.
    fn noise(random: &mut Random) -> f64 {
        let mut uniform = || random.below(1 << 24) as f64 / f64::from(1 << 24);
        let outlier = if uniform() < 0.1 { 0.05 * uniform() } else { 0.0 };
        0.01 * (uniform() + uniform() + uniform()) + outlier
    }

    /// How often equals are called different, in 2 000 experiments.
    fn false_alarms(pairs: usize) -> f64 {
        let mut random = Random::new(1);
        let alarms = (0..2_000).filter(|_| {
            let logarithms: Vec<f64> = (0..pairs).map(|_| noise(&mut random) - noise(&mut random)).collect();
            evidence(&logarithms).unwrap().shows_a_difference()
        });
        alarms.count() as f64 / 2_000.0
    }

    #[test]
    fn equals_are_rarely_called_different() {
        for pairs in [3, 5, 10] {
            let share = false_alarms(pairs);
            assert!((0.01..0.06).contains(&share), "{share} with {pairs} pairs");
        }
    }

    #[test]
    fn the_bootstrap_has_enough_to_resample_from_thirty_on_and_not_at_five() {
        let mut random = Random::new(1);
        let mut alarms = |pairs: usize, experiments: u32| {
            let alarms = (0..experiments).filter(|_| {
                let logarithms: Vec<f64> = (0..pairs).map(|_| noise(&mut random) - noise(&mut random)).collect();
                bootstrap(&logarithms).shows_a_difference()
            });
            alarms.count() as f64 / f64::from(experiments)
        };
        let (few, enough) = (alarms(5, 400), alarms(FEWEST_FOR_BOOTSTRAP, 200));
        assert!(few > 0.10, "{few}");
        assert!(enough < 0.09, "{enough}");
    }

    #[test]
    fn the_bootstrap_is_the_same_each_time_and_finds_what_is_there() {
        let mut random = Random::new(3);
        let logarithms: Vec<f64> = (0..40).map(|_| 0.05 + noise(&mut random) - noise(&mut random)).collect();
        let found = evidence(&logarithms).unwrap();
        assert_eq!(evidence(&logarithms), Some(found));
        assert!(found.shows_a_difference() && found.low < 1.052 && found.high > 1.05, "{found:?}");
        let by_t = interval_of_mean(&logarithms).unwrap();
        assert!((found.half_width() / by_t.half_width - 1.0).abs() < 0.2, "{found:?} {by_t:?}");
        assert_eq!(evidence(&[0.0; 40]).unwrap().p, 1.0);
    }

    #[test]
    fn holms_correction_of_a_known_case() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        assert!(corrected.iter().zip([0.03, 0.06, 0.06, 0.02]).all(|(a, b)| (a - b).abs() < 1e-12), "{corrected:?}");
        assert!(holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn holms_correction_is_between_none_and_bonferronis(probabilities in prop::collection::vec(0.0..=1.0_f64, 1..20)) {
            let corrected = holm(&probabilities);
            let number = probabilities.len() as f64;
            for (p, corrected) in probabilities.iter().zip(&corrected) {
                prop_assert!(corrected >= p && *corrected <= (p * number).min(1.0));
            }
            // Who was less probable stays so.
            for (a, b) in probabilities.iter().zip(&corrected) {
                for (c, d) in probabilities.iter().zip(&corrected) {
                    prop_assert!(a > c || b <= d);
                }
            }
        }
    }
}
