//! Allocation sites: which lines of the program's source made what is alive.
//!
//! In the spirit of Python's `tracemalloc`: snapshots, differences, the lines at the top. Compiled in by the feature
//! `allocation-sites`, switched on for a heap by [`Heap::note_sites`](crate::Heap::note_sites).
//!
//! *Where the site stands.* An object's header names the description of its type. While sites are noted, it names a copy of the
//! description, made once for each type and place, which knows the place. So an object carries its site wherever a collector
//! moves it, no collector knows of it, nothing is kept for each object or looked up when one dies, and the profile is exact:
//! what is alive is counted when somebody asks, by a trace. Descriptions are never compared by address, so a copy is as good as
//! the original.
//!
//! *Why a feature?* To know its place, an allocation must be told by its caller (`#[track_caller]`): a register more on the way to
//! each function that is not inlined, and a load and a branch that ask whether sites are noted. Without the feature none of it is
//! compiled.
//!
//! *Why not samples*, taken where an allocation finds no room and calls the collector? That costs nothing in between either,
//! but the place must be handed down to that call, which costs the register again; what is sampled must be followed when it
//! moves and dies, by weak cells or in a table; and a hole of 300 bytes comes more often than one of 30 KiB, so that samples
//! have to be weighed. The copies are simpler, and say the truth.
//!
//! *Imperfect.* The copies are never freed, because descriptions are promised for ever: there may be as many as the program has
//! places that allocate, times the types that are allocated there. All heaps of the process share them, so that every
//! allocation of a heap that notes sites takes a lock and looks into a table.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::names::{fitting, tail};
use super::report::Bytes;
use super::type_name;
use super::walk::objects;
use crate::machine::Reached;
use crate::object::{Kind, TypeInfo};

/// Rows that are displayed.
const SHOWN: usize = 25;

/// Where objects were allocated, and how much of it is alive: made by [`Heap::site_profile`](crate::Heap::site_profile).
///
/// Displayed on 80 columns, the largest first.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SiteProfile {
    /// For each place and each type that was allocated there, the one with the most bytes first.
    pub sites: Vec<Site>,
}

/// A place in the program's source, and the objects of one type that were allocated there and are alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The place; `None` for objects that were made when places were not noted, and for the heap's own.
    pub place: Option<&'static Location<'static>>,
    /// The Rust name of the type; `[T]` for a slice.
    pub type_name: String,
    /// How many are alive.
    pub objects: u64,
    /// Their bytes, headers included, and what they own outside the heap.
    pub bytes: u64,
}

/// What changed between two profiles: made by [`SiteProfile::since`].
///
/// Displayed on 80 columns, the largest change first.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SiteChanges {
    /// Every place and type of which the number of objects or bytes changed, the largest change of bytes first.
    pub sites: Vec<SiteChange>,
}

/// How a [`Site`] changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteChange {
    /// See [`Site::place`].
    pub place: Option<&'static Location<'static>>,
    /// See [`Site::type_name`].
    pub type_name: String,
    /// How many objects there are more, or less.
    pub objects: i64,
    /// How many bytes more, or less.
    pub bytes: i64,
}

/// A description's address, and that of a place.
type Key = (usize, usize);

/// The description of the same type that knows the place.
#[cold]
#[inline(never)]
pub(crate) fn described(info: &'static TypeInfo, place: &'static Location<'static>) -> &'static TypeInfo {
    static COPIES: OnceLock<Mutex<HashMap<Key, &'static TypeInfo>>> = OnceLock::new();
    let mut copies = COPIES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let key = (core::ptr::from_ref(info).addr(), core::ptr::from_ref(place).addr());
    copies.entry(key).or_insert_with(|| {
        let kind: &'static Kind = Box::leak(Box::new(Kind { place: Some(place), ..*info.kind }));
        let hashed = info.with_hash.map(|info| &*Box::leak(Box::new(info.of_kind(kind, None))));
        Box::leak(Box::new(info.of_kind(kind, hashed)))
    })
}

/// Counts what was reached.
pub(crate) fn profile(reached: &Reached) -> SiteProfile {
    let mut rows: HashMap<*const Kind, (Option<&'static Location<'static>>, String, u64, u64)> = HashMap::new();
    for object in objects(reached) {
        let kind = object.info().kind;
        let row = rows.entry(kind).or_insert_with(|| (kind.place, type_name(object), 0, 0));
        row.2 += 1;
        row.3 = row.3.saturating_add((object.size() as u64).saturating_add(object.owned_bytes() as u64));
    }
    // One place may have several addresses, and a type several descriptions.
    let mut sites: HashMap<(Option<&'static Location<'static>>, String), (u64, u64)> = HashMap::new();
    for (place, type_name, objects, bytes) in rows.into_values() {
        let site = sites.entry((place, type_name)).or_default();
        *site = (site.0 + objects, site.1.saturating_add(bytes));
    }
    let site = |((place, type_name), (objects, bytes))| Site { place, type_name, objects, bytes };
    let mut sites: Vec<Site> = sites.into_iter().map(site).collect();
    sites.sort_by(|a, b| (b.bytes, a.place, &a.type_name).cmp(&(a.bytes, b.place, &b.type_name)));
    SiteProfile { sites }
}

impl SiteProfile {
    /// What has changed since an earlier profile.
    pub fn since(&self, earlier: &SiteProfile) -> SiteChanges {
        let mut rows: HashMap<(Option<&'static Location<'static>>, &str), (i64, i64)> = HashMap::new();
        for (sites, sign) in [(&self.sites, 1), (&earlier.sites, -1)] {
            for site in sites {
                let row = rows.entry((site.place, &site.type_name)).or_default();
                *row = (row.0 + sign * site.objects as i64, row.1 + sign * site.bytes as i64);
            }
        }
        let changed = rows.into_iter().filter(|(_, change)| *change != (0, 0));
        let change = |((place, name), (objects, bytes)): (_, _)| -> SiteChange {
            let name: &str = name;
            SiteChange { place, type_name: name.into(), objects, bytes }
        };
        let mut sites: Vec<SiteChange> = changed.map(change).collect();
        sites.sort_by(|a, b| {
            (b.bytes.unsigned_abs(), a.place, &a.type_name).cmp(&(a.bytes.unsigned_abs(), b.place, &b.type_name))
        });
        SiteChanges { sites }
    }
}

/// Two lines: numbers and type, then the place.
fn row(
    f: &mut fmt::Formatter<'_>,
    objects: &str,
    bytes: &str,
    type_name: &str,
    place: Option<&'static Location<'static>>,
) -> fmt::Result {
    let place = place.map_or_else(|| "(not noted)".into(), Location::to_string);
    writeln!(f, "{objects:>12} {bytes:>12}  {}", fitting(type_name, 52))?;
    writeln!(f, "{:>27}{}", "", tail(&place, 52))
}

fn head(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{:>12} {:>12}  type, and where it was allocated", "objects", "bytes")
}

fn rest(f: &mut fmt::Formatter<'_>, rows: usize) -> fmt::Result {
    if rows > SHOWN { writeln!(f, "… {} more", rows - SHOWN) } else { Ok(()) }
}

impl fmt::Display for SiteProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        head(f)?;
        for site in self.sites.iter().take(SHOWN) {
            row(f, &site.objects.to_string(), &Bytes(site.bytes).to_string(), &site.type_name, site.place)?;
        }
        rest(f, self.sites.len())
    }
}

impl fmt::Display for SiteChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        head(f)?;
        for site in self.sites.iter().take(SHOWN) {
            let sign = if site.bytes < 0 { '-' } else { '+' };
            let bytes = format!("{sign}{}", Bytes(site.bytes.unsigned_abs()));
            row(f, &format!("{:+}", site.objects), &bytes, &site.type_name, site.place)?;
        }
        rest(f, self.sites.len())
    }
}
