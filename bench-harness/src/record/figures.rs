//! Every figure that a run can have, once: its key, name, unit, which direction is better, and what it means.
//!
//! Whoever writes results (the details of `run`, tables, CSV, JSON, a page of HTML) goes through [`Figure::all`], so
//! that a figure has one name and one unit everywhere, and a new one appears everywhere. The fields of a
//! [`Measurement`] are made from the same list: a figure that is in a record is in the list, and its documentation is
//! what readers are told.
//!
//! A figure is *measured*, and then a field of the record, a whole number; or *derived* from others when it is asked
//! for.

use crate::contestants::meter::distribution::Distribution;
use crate::contestants::meter::timeline::Timeline;
use crate::record::{Checksum, Status};
use crate::text::format;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time in nanoseconds; for people in milliseconds.
    Nanoseconds,
    /// Memory in bytes.
    Bytes,
    /// A number of things.
    Count,
    /// A part of a whole, from 0 to 1; for people in percent.
    Share,
    /// How many times another figure.
    Ratio,
}

impl Unit {
    /// The unit as it stands in a key and in files for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Share => "share",
            Self::Ratio => "ratio",
        }
    }

    /// A value without its unit, for columns: milliseconds, MiB, percent.
    #[must_use]
    pub fn short(self, value: f64) -> String {
        match self {
            Self::Nanoseconds => format::ms(value),
            Self::Bytes => format::mib(whole(value)),
            Self::Count => format::count(whole(value)),
            Self::Share => format::percent(value),
            Self::Ratio => format::ratio(value),
        }
    }

    /// A value with its unit, for people.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Nanoseconds => format!("{} ms", format::ms(value)),
            Self::Bytes => format::bytes(whole(value)),
            Self::Count => format::count(whole(value)),
            Self::Share => format!("{} %", format::percent(value)),
            Self::Ratio => format::ratio(value),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive by construction")]
fn whole(value: f64) -> u64 {
    value as u64
}

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The less the better.
    Less,
    /// The more the better.
    More,
    /// It describes the program, or what is better depends on other figures.
    Neither,
}

/// What a figure is about; figures of one topic stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// How long the run took.
    Time,
    /// What the collector did.
    Collector,
    /// The single times at which the program stood still.
    Pauses,
    /// What the program asked for.
    Allocated,
    /// How long requests took.
    Latency,
    /// What the program keeps.
    Live,
    /// How much memory there was at most.
    Peak,
}

impl Topic {
    /// Every topic, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Time, Self::Collector, Self::Pauses, Self::Allocated, Self::Latency, Self::Live, Self::Peak];

    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Collector => "collector",
            Self::Pauses => "pauses",
            Self::Allocated => "allocated",
            Self::Latency => "latency",
            Self::Live => "live",
            Self::Peak => "peak",
        }
    }
}

/// Which number stands for several invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// The middle one: one disturbed run should not count.
    Median,
    /// The largest: the figure is a promise.
    Maximum,
}

/// A figure: what it is called and how a measurement has it.
#[derive(Debug)]
pub struct Figure {
    /// The key in records and the heading of a column in CSV; ends in the unit where it has one.
    pub key: &'static str,
    /// The name for people, understood without anything around it: `99th percentile of pauses`.
    pub name: &'static str,
    /// A shorter name for where the topic stands beside it: `p99`.
    pub short: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// What it counts.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Which number stands for several invocations.
    pub across: Across,
    /// Whether it is a field of the record; otherwise it follows from others.
    pub is_measured: bool,
    about: &'static str,
    of: fn(&Measurement) -> Option<f64>,
}

impl Figure {
    /// Every figure, the measured ones first.
    #[must_use]
    pub fn all() -> &'static [Self] {
        FIGURES
    }

    /// The figure with that key.
    ///
    /// # Panics
    /// Without one: keys are constants of this program.
    #[must_use]
    pub fn keyed(key: &str) -> &'static Self {
        FIGURES.iter().find(|figure| figure.key == key).unwrap_or_else(|| panic!("there is no figure `{key}`"))
    }

    /// What it means, in a few sentences.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }

    /// Its value in a measurement, if that has it.
    #[must_use]
    pub fn of(&self, measurement: &Measurement) -> Option<f64> {
        (self.of)(measurement)
    }

    /// Its place in [`Figure::all`].
    #[must_use]
    pub fn position(&self) -> usize {
        FIGURES.iter().position(|figure| figure.key == self.key).expect("every figure is in the list")
    }
}

/// Makes the measurement and the list of figures.
macro_rules! figures {
    (
        measured { $(
            $(#[doc = $about:literal])+
            $field:ident: $topic:ident, $unit:ident, $better:ident, $across:ident, $name:literal, $short:literal;
        )+ }
        derived { $(
            $(#[doc = $derived_about:literal])+
            $derived:ident: $derived_topic:ident, $derived_unit:ident, $derived_better:ident, $derived_across:ident,
                $derived_name:literal, $derived_short:literal, $of:expr;
        )+ }
    ) => {
        /// The part of a record that the child process reports. The figures are those of [`Figure::all`].
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct Measurement {
            /// How it went.
            pub status: Status,
            /// A sentence about the status, when there is more to say.
            pub message: Option<String>,
            /// What the workload computed: equal for all that ran it correctly.
            pub checksum: Option<Checksum>,
            $( $(#[doc = $about])+ pub $field: Option<u64>, )+
            /// How long every pause was, to three digits.
            #[serde(default)]
            pub pause_histogram: Option<Distribution>,
            /// How long every request took, metered, to three digits, where the program serves requests.
            #[serde(default)]
            pub latency_histogram: Option<Distribution>,
            /// When the pauses were, and what the heaps held before and after them.
            #[serde(default)]
            pub timeline: Option<Timeline>,
        }

        static FIGURES: &[Figure] = &[
            $( Figure {
                key: stringify!($field),
                name: $name,
                short: $short,
                topic: Topic::$topic,
                unit: Unit::$unit,
                better: Better::$better,
                across: Across::$across,
                is_measured: true,
                about: concat!($($about),+),
                of: |measurement| measurement.$field.map(|value| value as f64),
            }, )+
            $( Figure {
                key: stringify!($derived),
                name: $derived_name,
                short: $derived_short,
                topic: Topic::$derived_topic,
                unit: Unit::$derived_unit,
                better: Better::$derived_better,
                across: Across::$derived_across,
                is_measured: false,
                about: concat!($($derived_about),+),
                of: $of,
            }, )+
        ];
    };
}

figures! {
    measured {
        /// Elapsed time of the workload, without process start and input parsing.
        wall_ns: Time, Nanoseconds, Less, Median, "elapsed time", "elapsed";
        /// Processor time of all threads over the same span.
        cpu_ns: Time, Nanoseconds, Less, Median, "processor time", "processor";
        /// Elapsed time of all pauses together. What a collector does while the program allocates (sweeping lazily,
        /// looking for a hole) is part of the program's time: nobody could measure it without slowing it down.
        gc_ns: Collector, Nanoseconds, Less, Median, "time in pauses", "in pauses";
        /// Completed collections of any kind.
        collections: Collector, Count, Neither, Median, "collections", "collections";
        /// Objects that were garbage and still there after the last full collection. Only a replay knows.
        leaked_objects: Collector, Count, Less, Maximum, "objects of garbage left", "garbage left";
        /// How often the collector stopped the program, however briefly.
        pause_count: Pauses, Count, Neither, Median, "pauses", "number";
        /// Median pause.
        pause_p50_ns: Pauses, Nanoseconds, Less, Median, "median pause", "p50";
        /// 99th percentile of the pauses.
        pause_p99_ns: Pauses, Nanoseconds, Less, Median, "99th percentile of pauses", "p99";
        /// 99.9th percentile of the pauses. With fewer than 1,000 of them it is the longest.
        pause_p999_ns: Pauses, Nanoseconds, Less, Median, "99.9th percentile of pauses", "p99.9";
        /// 99.99th percentile of the pauses. With fewer than 10,000 of them it is the longest.
        pause_p9999_ns: Pauses, Nanoseconds, Less, Median, "99.99th percentile of pauses", "p99.99";
        /// The longest pause.
        pause_max_ns: Pauses, Nanoseconds, Less, Maximum, "longest pause", "max";
        /// How many objects the workload asked for.
        allocated_objects: Allocated, Count, Neither, Median, "objects allocated", "objects";
        /// What the workload asked for in total, headers not included.
        allocated_bytes: Allocated, Bytes, Neither, Median, "bytes allocated", "bytes";
        /// Median metered latency of a request, where the program serves requests.
        latency_p50_ns: Latency, Nanoseconds, Less, Median, "median latency", "p50";
        /// 99th percentile of the metered latencies.
        latency_p99_ns: Latency, Nanoseconds, Less, Median, "99th percentile of latencies", "p99";
        /// 99.9th percentile of the metered latencies.
        latency_p999_ns: Latency, Nanoseconds, Less, Median, "99.9th percentile of latencies", "p99.9";
        /// 99.99th percentile of the metered latencies.
        latency_p9999_ns: Latency, Nanoseconds, Less, Median, "99.99th percentile of latencies", "p99.99";
        /// The longest metered latency.
        latency_max_ns: Latency, Nanoseconds, Less, Maximum, "longest latency", "max";
        /// The most bytes that the program keeps alive at once, in objects with their headers and what they own
        /// outside: a property of the program, the same for all who run it.
        live_bytes: Live, Bytes, Neither, Maximum, "live bytes", "at most";
        /// The most that the heap held: blocks, side tables, mark stacks, and what it knows its objects to own outside.
        peak_heap_bytes: Peak, Bytes, Less, Maximum, "peak heap", "heap";
        /// The most bytes that objects owned outside the heap at once, where only the program counts them.
        peak_outside_bytes: Peak, Bytes, Less, Maximum, "peak outside the heap", "owned outside it";
        /// The most memory that the process had resident. A replay's process has also read its input and holds the
        /// model that the heap is compared with.
        peak_rss_bytes: Peak, Bytes, Less, Maximum, "peak resident memory", "process";
    }
    derived {
        /// The part of the elapsed time in which the program stood still.
        gc_share: Collector, Share, Less, Median, "share of time in pauses", "share", |m| {
            Some(m.gc_ns? as f64 / m.wall_ns?.max(1) as f64)
        };
        /// The largest heap, with what its objects own outside where that is counted, relative to the most bytes that
        /// are alive at once.
        peak_to_live: Peak, Ratio, Less, Maximum, "peak heap relative to live bytes", "heap/live", |m| {
            let peak = m.peak_heap_bytes? + m.peak_outside_bytes.unwrap_or(0);
            m.live_bytes.filter(|live| *live > 0).map(|live| peak as f64 / live as f64)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Whatever is a number in a record's measurement is in the list with that key and value, and the other way round.
    #[test]
    fn the_list_is_what_records_hold() {
        let mut measurement = crate::record::tests::sample("rings", "marksweep", 1, 10.0).measurement;
        measurement.latency_p9999_ns = Some(5);
        let json = serde_json::to_value(&measurement).unwrap();
        let mut keys = BTreeSet::new();
        for figure in Figure::all() {
            assert!(keys.insert(figure.key), "{} is there twice", figure.key);
            assert!(!figure.about().is_empty() && !figure.about().contains("  "), "{}: {}", figure.key, figure.about());
            let value = json.get(figure.key);
            assert_eq!(value.is_some(), figure.is_measured, "{}", figure.key);
            if let Some(value) = value {
                assert_eq!(value.as_f64(), figure.of(&measurement), "{}", figure.key);
            }
            let unit = match figure.unit {
                Unit::Nanoseconds => Some("_ns"),
                Unit::Bytes => Some("_bytes"),
                Unit::Share => Some("_share"),
                Unit::Count | Unit::Ratio => None,
            };
            assert!(unit.is_none_or(|unit| figure.key.ends_with(unit)), "{}", figure.key);
        }
        for (key, value) in json.as_object().unwrap() {
            assert!(!value.is_number() || keys.contains(key.as_str()), "{key}");
        }
    }

    #[test]
    fn derived_figures() {
        let measurement = Measurement {
            wall_ns: Some(200),
            gc_ns: Some(50),
            peak_heap_bytes: Some(10),
            peak_outside_bytes: Some(190),
            live_bytes: Some(100),
            ..Measurement::default()
        };
        assert_eq!(Figure::keyed("gc_share").of(&measurement), Some(0.25));
        assert_eq!(Figure::keyed("peak_to_live").of(&measurement), Some(2.0));
        assert_eq!(Figure::keyed("peak_to_live").of(&Measurement::default()), None);
    }

    #[test]
    fn values_as_people_read_them() {
        for (unit, value, text) in [
            (Unit::Nanoseconds, 1.5e6, "1.50 ms"),
            (Unit::Bytes, 1024.0, "1 KiB"),
            (Unit::Count, 12345.0, "12,345"),
            (Unit::Share, 0.125, "12 %"),
            (Unit::Ratio, 1.5, "1.50"),
        ] {
            assert_eq!(unit.text(value), text);
        }
    }
}
