//! Choosing from a list of names, and what to say when a name is not on it.
//!
//! Collectors, peers and workloads are chosen by name on the command line. A name that does not exist gets one answer
//! everywhere: the nearest valid name if one is near, and the list of all of them, so that nobody has to look it up.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use strsim::damerau_levenshtein;

/// Something that can be chosen by name.
pub trait Named: Copy + 'static {
    /// What the thing is called in a sentence: `collector`, `workload`.
    const KIND: &'static str;

    /// Everything that can be chosen, in the order in which it is listed.
    fn all() -> Vec<Self>;

    /// The name to choose it by.
    fn name(self) -> &'static str;
}

/// The thing called `name`, or a sentence that says which names there are.
///
/// # Errors
/// The sentence for the user, when nothing has this name.
pub fn find<T: Named>(name: &str) -> Result<T, String> {
    let all = T::all();
    if let Some(found) = all.iter().find(|thing| thing.name() == name) {
        return Ok(*found);
    }
    let names: Vec<_> = all.iter().map(|thing| thing.name()).collect();
    Err(unknown(T::KIND, name, &names))
}

/// Whether a name can be typed on the command line, where lists are separated by commas and settings begin with a colon.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check(kind: &str, name: &str) -> Result<(), String> {
    const RESERVED: [&str; 2] = ["all", "none"];
    let can_be_typed = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if name.is_empty() || name.starts_with('-') || !can_be_typed {
        return Err(format!(
            "`{}` cannot be the name of a {kind}: use letters, digits, -, _ and .",
            name.escape_debug()
        ));
    }
    if RESERVED.contains(&name) {
        return Err(format!("`{name}` cannot be the name of a {kind}: it means something else"));
    }
    Ok(())
}

/// The sentence for a name that does not exist.
#[must_use]
pub fn unknown(kind: &str, name: &str, valid: &[&str]) -> String {
    let list = valid.join(", ");
    if name.is_empty() {
        return format!("a {kind} name is empty; the {kind}s are: {list}");
    }
    match nearest(name, valid) {
        Some(near) => format!("there is no {kind} `{name}`, did you mean `{near}`? The {kind}s are: {list}"),
        None => format!("there is no {kind} `{name}`; the {kind}s are: {list}"),
    }
}

/// The valid name that `name` most likely stands for: the same but for case and separators, else a name that begins
/// with it, else the one with the fewest typing errors, at most one in three letters.
fn nearest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    let wanted = plain(name);
    let exact = valid.iter().find(|candidate| plain(candidate) == wanted);
    let prefix = || valid.iter().find(|candidate| wanted.len() >= 2 && plain(candidate).starts_with(&wanted));
    let typo = || {
        valid
            .iter()
            .map(|candidate| (damerau_levenshtein(&plain(candidate), &wanted), candidate))
            .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, candidate)| candidate)
    };
    exact.or_else(prefix).or_else(typo).copied()
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A copy of the text for the rest of the process; one of each. Names are copied everywhere, and there are a few.
#[must_use]
pub fn permanent(text: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(text) {
        return known;
    }
    let name = String::leak(text.to_owned());
    names.insert(name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: [&str; 4] = ["marksweep", "refcount", "refcount-cycles", "nogc"];

    #[test]
    fn near_names_are_suggested() {
        for (typed, meant) in [
            ("mark-sweep", "marksweep"),
            ("MarkSweep", "marksweep"),
            ("markswep", "marksweep"),
            ("ref", "refcount"),
            ("refcount_cycle", "refcount-cycles"),
            ("no-gc", "nogc"),
        ] {
            assert_eq!(nearest(typed, &VALID), Some(meant), "{typed}");
        }
    }

    #[test]
    fn far_names_are_not() {
        assert_eq!(nearest("zgc-something-else", &VALID), None);
        assert_eq!(nearest("", &VALID), None);
        assert_eq!(nearest("é", &VALID), None);
    }

    #[test]
    fn names_can_be_typed() {
        for name in ["semispace", "my-gc_2.0"] {
            assert_eq!(check("collector", name), Ok(()));
        }
        for name in ["", "-x", "a b", "a,b", "a:b", "all", "none", "é", "a\nb"] {
            let sentence = check("collector", name).unwrap_err();
            assert!(sentence.contains("cannot be the name of a collector") && !sentence.contains('\n'), "{sentence}");
        }
    }

    #[test]
    fn the_sentence_lists_every_name() {
        for typed in ["markswep", "unrelated", ""] {
            let sentence = unknown("collector", typed, &VALID);
            assert!(VALID.iter().all(|name| sentence.contains(name)), "{sentence}");
        }
    }
}
