//! A destructor could look at objects that are gone.
use heap_core::{Gc, Trace};

#[derive(Trace)]
struct Guard<'gc> {
    friend: Gc<'gc, u64>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        println!("{}", self.friend);
    }
}

fn main() {}
