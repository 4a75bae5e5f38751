//! Ctrl-C: stop after what is finished, and show it. So do SIGTERM and SIGHUP: schedulers end jobs with them.
//!
//! The signal reaches the child as well, which dies of it. The parent only remembers that it was asked, discards the
//! run that was under way and reports the others. A second Ctrl-C ends it at once.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// What a shell reports for a program that Ctrl-C ended.
pub const EXIT_STATUS: u8 = 130;

/// From now on Ctrl-C sets a flag instead of ending the process. If the system refuses, it goes on ending it.
pub fn watch() {
    let _ = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_STATUS.into());
        }
    });
}

/// Whether the user asked to stop.
#[must_use]
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
