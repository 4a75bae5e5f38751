//! Settings as text: a collector and what it is told, from a command line or a file.
//!
//! A program that lets its users choose wants one line for it, and messages that say what can be chosen. So a text is
//! `name` or `name:setting=value,setting=value`, each collector reads its own settings, and a table of those that the
//! program links reads the name.
//!
//! *Who checks.* A collector asks for its settings by name and kind ([`Settings::bytes`], …), each once. What it asks for *is*
//! the list of what there is: what remains is unknown, and the error names all that was asked for. So list and reader cannot
//! disagree. *When:* once, where the text is parsed. A [`CollectorChoice`] is a choice that is known to be good; making
//! collectors from it cannot fail.

use core::fmt::{self, Write as _};
use std::sync::Arc;

use super::interface::{Collector, IntoCollector};

/// A collector that can be made from text.
pub trait FromSettings: Collector + Sized + 'static {
    /// What users call it: `marksweep`.
    const NAME: &'static str;

    /// Makes one, by [asking](Settings) for each setting that it has.
    ///
    /// # Errors
    /// What a setting's value is not.
    fn from_settings(settings: &mut Settings<'_>) -> Result<Self, SettingsError>;
}

/// The settings of one collector, as written.
#[derive(Debug)]
pub struct Settings<'a> {
    collector: &'static str,
    given: Vec<(&'a str, Option<&'a str>)>,
    /// What the collector asked for, with the form of its values.
    known: Vec<(&'static str, &'static str)>,
}

impl<'a> Settings<'a> {
    fn new(collector: &'static str, text: &'a str) -> Result<Self, SettingsError> {
        let mut given: Vec<(&str, Option<&str>)> = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
                None => (item, None),
            };
            if given.iter().any(|(other, _)| *other == name) {
                return Err(SettingsError(format!("{collector}: `{}` is given twice", Quoted(name))));
            }
            given.push((name, value));
        }
        Ok(Settings { collector, given, known: Vec::new() })
    }

    fn take(&mut self, name: &'static str, form: &'static str) -> Option<Option<&'a str>> {
        if self.given.is_empty() {
            // Nothing can be left over, so nobody will ask what there is: programs make heaps by the thousand.
            return None;
        }
        debug_assert!(self.known.iter().all(|(known, _)| *known != name), "`{name}` is asked for twice");
        self.known.push((name, form));
        let at = self.given.iter().position(|(given, _)| *given == name)?;
        Some(self.given.remove(at).1)
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        form: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.take(name, form) else { return Ok(None) };
        match value.and_then(parse) {
            Some(value) => Ok(Some(value)),
            None => Err(SettingsError(format!(
                "{}: `{name}` is {form}, {}",
                self.collector,
                value.map_or("and none is given".into(), |value| format!("not `{}`", Quoted(value)))
            ))),
        }
    }

    /// A number of bytes: `65536`, `64K`, `4MiB`, `1.5G`. `None` when it is not given.
    ///
    /// # Errors
    /// When it is something else.
    pub fn bytes(&mut self, name: &'static str) -> Result<Option<usize>, SettingsError> {
        self.read(name, "a number of bytes such as 4MiB", parse_bytes)
    }

    /// A whole number. `None` when it is not given.
    ///
    /// # Errors
    /// When it is something else.
    pub fn count(&mut self, name: &'static str) -> Result<Option<usize>, SettingsError> {
        self.read(name, "a whole number", |text| text.parse().ok())
    }

    /// A factor greater than 1: `2.5`. `None` when it is not given.
    ///
    /// # Errors
    /// When it is something else.
    pub fn factor(&mut self, name: &'static str) -> Result<Option<f64>, SettingsError> {
        let factor = |text: &str| text.parse().ok().filter(|factor: &f64| *factor > 1.0 && factor.is_finite());
        self.read(name, "a factor greater than 1 such as 2.5", factor)
    }

    /// A switch: `name` alone or `name=yes`, or `name=no`. `None` when it is not given.
    ///
    /// # Errors
    /// When it is something else.
    pub fn switch(&mut self, name: &'static str) -> Result<Option<bool>, SettingsError> {
        const FORM: &str = "a switch: yes or no";
        let Some(value) = self.take(name, FORM) else { return Ok(None) };
        match value {
            None | Some("yes" | "true" | "on") => Ok(Some(true)),
            Some("no" | "false" | "off") => Ok(Some(false)),
            Some(other) => {
                Err(SettingsError(format!("{}: `{name}` is {FORM}, not `{}`", self.collector, Quoted(other))))
            }
        }
    }

    /// Nothing may be left over.
    fn finish(self) -> Result<(), SettingsError> {
        let Some((unknown, _)) = self.given.first() else { return Ok(()) };
        let unknown = Quoted(unknown);
        if self.known.is_empty() {
            return Err(SettingsError(format!("{} has no settings, and `{unknown}` is given", self.collector)));
        }
        let known: Vec<String> = self.known.iter().map(|(name, form)| format!("  {name}: {form}")).collect();
        Err(SettingsError(format!("{} has no setting `{unknown}`; it has\n{}", self.collector, known.join("\n"))))
    }
}

/// The number of bytes that a text names: digits with an optional fraction, and a unit of 1024, 1024², …: `K`, `M`, `G` or `T`,
/// also written `KB` or `KiB`, in any case. `None` for anything else, and for more than an address can say.
pub fn parse_bytes(text: &str) -> Option<usize> {
    let digits_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let unit: usize = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // Whole numbers are exact.
        return digits.parse::<usize>().ok()?.checked_mul(unit);
    }
    let bytes = digits.parse::<f64>().ok()? * unit as f64;
    (bytes < (1u64 << 63) as f64).then_some(bytes as usize)
}

/// Reads the settings of one collector: `nursery=4MiB,growth=2`. Nothing, for the defaults.
///
/// # Errors
/// A sentence for the user, which names what can be set.
pub fn parse_collector<C: FromSettings>(text: &str) -> Result<C, SettingsError> {
    let mut settings = Settings::new(C::NAME, text)?;
    let collector = C::from_settings(&mut settings)?;
    settings.finish()?;
    Ok(collector)
}

/// What somebody wrote, as a message shows it: not longer than a line, and without what a terminal would obey.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN) {
            if character.is_control() { write!(f, "{}", character.escape_default())? } else { f.write_char(character)? }
        }
        if characters.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// Makes a collector from its settings.
type Make = fn(&str) -> Result<Box<dyn Collector>, SettingsError>;

/// The collectors that a program links, by name.
///
/// ```
/// use heap_core::{Collectors, Gc, Heap, NoGc, Rootable};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // In your program: .with::<Generational>().with::<MarkSweep>() …
/// let collectors = Collectors::new().with::<NoGc>();
/// let choice = collectors.parse("nogc")?; // what the user wrote: `generational:nursery=4MiB`
/// let mut heap = Heap::<Rootable![Gc<'_, u64>]>::new(&choice, |mc| Gc::new(mc, 7))?;
///
/// let error = collectors.parse("nogs").unwrap_err();
/// assert_eq!(error.to_string(), "there is no collector `nogs`; there are nogc");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Collectors(Vec<(&'static str, Make)>);

impl Collectors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    ///
    /// # Panics
    /// When there is one of this name.
    #[must_use]
    pub fn with<C: FromSettings>(mut self) -> Self {
        assert!(self.0.iter().all(|(name, _)| *name != C::NAME), "there are two collectors called `{}`", C::NAME);
        self.0.push((C::NAME, |text| Ok(Box::new(parse_collector::<C>(text)?))));
        self
    }

    /// Their names, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// Reads a choice: `name`, or `name:setting=value,…`.
    ///
    /// # Errors
    /// A sentence for the user, which names what can be chosen.
    pub fn parse(&self, text: &str) -> Result<CollectorChoice, SettingsError> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        let Some(&(_, make)) = self.0.iter().find(|(other, _)| *other == name) else {
            let names: Vec<_> = self.names().collect();
            return Err(SettingsError(format!(
                "there is no collector `{}`; there are {}",
                Quoted(name),
                names.join(", ")
            )));
        };
        make(settings)?;
        Ok(CollectorChoice { text: text.into(), settings: text.len() - settings.len(), make })
    }
}

impl fmt::Debug for Collectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// A collector with its settings, as a user chose it. Any number of heaps can be made with it: `Heap::new(&choice, …)`.
#[derive(Clone)]
pub struct CollectorChoice {
    text: Arc<str>,
    /// Where the settings begin.
    settings: usize,
    make: Make,
}

impl CollectorChoice {
    /// Makes a collector.
    pub fn make(&self) -> Box<dyn Collector> {
        (self.make)(&self.text[self.settings..]).expect("the settings were read before, with the same outcome")
    }
}

impl IntoCollector for &CollectorChoice {
    fn into_collector(self) -> Box<dyn Collector> {
        self.make()
    }
}

/// As it was written.
impl fmt::Display for CollectorChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CollectorChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectorChoice({})", self.text)
    }
}

/// What is wrong with a choice, in a sentence for whoever wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingsError(String);

impl SettingsError {
    /// An error of a collector's own: that two settings do not go together, for instance.
    pub fn new(sentence: impl Into<String>) -> Self {
        SettingsError(sentence.into())
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoGc;

    type Values = (Option<usize>, Option<f64>, Option<bool>, Option<usize>);

    /// Reads settings without a collector, and gives back what is wrong.
    fn read(text: &str) -> Result<Values, String> {
        let mut settings = Settings::new("test", text).map_err(|error| error.to_string())?;
        let mut read = || {
            Ok::<_, SettingsError>((
                settings.bytes("nursery")?,
                settings.factor("growth")?,
                settings.switch("eager")?,
                settings.count("threads")?,
            ))
        };
        let values = read().map_err(|error| error.to_string())?;
        settings.finish().map_err(|error| error.to_string())?;
        Ok(values)
    }

    #[test]
    fn settings_are_read() {
        assert_eq!(read(""), Ok((None, None, None, None)));
        assert_eq!(
            read("nursery = 4MiB ,growth=2.5,eager,threads=3,"),
            Ok((Some(4 << 20), Some(2.5), Some(true), Some(3)))
        );
        assert_eq!(read("eager=no").unwrap().2, Some(false));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("nursery=much", "test: `nursery` is a number of bytes such as 4MiB, not `much`"),
            ("nursery", "test: `nursery` is a number of bytes such as 4MiB, and none is given"),
            ("growth=1", "test: `growth` is a factor greater than 1 such as 2.5, not `1`"),
            ("growth=NaN", "test: `growth` is a factor greater than 1 such as 2.5, not `NaN`"),
            ("growth=inf", "test: `growth` is a factor greater than 1 such as 2.5, not `inf`"),
            ("eager=perhaps", "test: `eager` is a switch: yes or no, not `perhaps`"),
            ("threads=-1", "test: `threads` is a whole number, not `-1`"),
            ("threads=1,threads=2", "test: `threads` is given twice"),
        ] {
            assert_eq!(read(text), Err(expected.into()));
        }
        let unknown = read("nurserie=4M").unwrap_err();
        assert!(
            unknown.starts_with("test has no setting `nurserie`; it has\n  nursery: a number of bytes"),
            "{unknown}"
        );
        let collectors = Collectors::new().with::<NoGc>();
        for text in ["", ":", "nogc:x=1", "NoGc"] {
            assert!(collectors.parse(text).is_err(), "{text}");
        }
        assert_eq!(collectors.parse("nogc:x").unwrap_err().to_string(), "nogc has no settings, and `x` is given");
        let long = collectors.parse(&"\u{1b}[2J\n".repeat(50_000)).unwrap_err().to_string();
        assert!(long.starts_with("there is no collector `\\u{1b}[2J\\n") && long.len() < 300, "{long}");
        assert!(!long.contains(char::is_control), "{long}");
        assert_eq!(collectors.parse(" nogc :").unwrap().to_string(), " nogc :");
    }

    #[test]
    fn bytes() {
        for (text, expected) in [
            ("1", Some(1)),
            ("0", Some(0)),
            ("512k", Some(512 << 10)),
            ("4MiB", Some(4 << 20)),
            ("64 m", Some(64 << 20)),
            ("1.5G", Some(3 << 29)),
            (".5K", Some(512)),
            ("2T", Some(2 << 40)),
            ("", None),
            ("K", None),
            ("-1", None),
            ("1X", None),
            ("1.2.3M", None),
            ("1e9", None),
            ("inf", None),
            ("１M", None),
            ("99999999999999999999", None),
            ("18446744073709551615G", None),
            ("99999999999999999999.5G", None),
        ] {
            assert_eq!(parse_bytes(text), expected, "{text}");
        }
    }
}
