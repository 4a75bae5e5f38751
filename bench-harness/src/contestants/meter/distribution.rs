//! A histogram kept whole: how often each length of time was seen.
//!
//! Percentiles cannot be averaged, merged or asked for later; a histogram can. So a record holds all of it, as pairs of a
//! value and its count, in ascending order, only those that were seen. HdrHistogram's own serialisation (V2, deflated,
//! base64) is a fifth as long, and would be read by HdrHistogram's libraries only; pairs are read by a browser, a
//! spreadsheet, `jq` and a person. A value is the upper edge of its bucket, at most a thousandth above what was measured.

use serde::{Deserialize, Serialize};

/// Lengths of time in nanoseconds, and how often each was seen. In JSON `[[value, count], ...]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Distribution {
    /// Ascending by value, without repetition or zero counts.
    pairs: Vec<(u64, u64)>,
}

impl Distribution {
    /// From pairs of a value and how often it was seen, in any order; a value may come more than once.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, count)| *count > 0).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|(value, count), (kept, sum)| {
            let same = value == kept;
            if same {
                *sum = sum.saturating_add(*count);
            }
            same
        });
        Self { pairs }
    }

    /// All that several of them saw.
    #[must_use]
    pub fn merged<'a>(several: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::new(several.into_iter().flat_map(|one| one.pairs.iter().copied()))
    }

    /// The pairs of a value and its count, ascending.
    #[must_use]
    pub fn pairs(&self) -> &[(u64, u64)] {
        &self.pairs
    }

    /// How many values were seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.pairs.iter().map(|(_, count)| count).sum()
    }

    /// The least value that at least this share of all values does not exceed; `None` without values.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let rank = (share.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let at_rank = self.pairs.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        at_rank.or(self.pairs.last()).map(|(value, _)| *value)
    }
}

impl From<Distribution> for Vec<(u64, u64)> {
    fn from(distribution: Distribution) -> Self {
        distribution.pairs
    }
}

impl TryFrom<Vec<(u64, u64)>> for Distribution {
    type Error = String;

    fn try_from(pairs: Vec<(u64, u64)>) -> Result<Self, String> {
        if pairs.iter().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count)).is_none() {
            return Err("a histogram counts more than there can be".to_owned());
        }
        Ok(Self::new(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values(values in prop::collection::vec(0_u64..50, 1..60), share in 0.0_f64..=1.0) {
            let distribution = Distribution::new(values.iter().map(|value| (*value, 1)));
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = (f64::ceil(share * sorted.len() as f64) as usize).max(1);
            prop_assert_eq!(distribution.quantile(share), Some(sorted[rank - 1]));
            prop_assert_eq!(distribution.count(), values.len() as u64);
        }

        #[test]
        fn merging_is_seeing_all(
            a in prop::collection::vec((0_u64..20, 0_u64..5), 0..20),
            b in prop::collection::vec((0_u64..20, 0_u64..5), 0..20),
        ) {
            let all = Distribution::new(a.iter().chain(&b).copied());
            let [a, b] = [a, b].map(Distribution::new);
            prop_assert_eq!(Distribution::merged([&a, &b]), all);
        }

        #[test]
        fn it_survives_json(pairs in prop::collection::vec((any::<u64>(), 0_u64..1000), 0..20)) {
            let distribution = Distribution::new(pairs);
            let text = serde_json::to_string(&distribution).unwrap();
            prop_assert_eq!(serde_json::from_str::<Distribution>(&text).unwrap(), distribution);
        }
    }

    #[test]
    fn nothing_has_no_quantile_and_counts_beyond_measure_are_refused() {
        assert_eq!(Distribution::default().quantile(0.5), None);
        let text = format!("[[1,{}],[2,1]]", u64::MAX);
        assert!(serde_json::from_str::<Distribution>(&text).is_err());
    }
}
