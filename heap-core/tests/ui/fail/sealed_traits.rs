//! Traits that promise something cannot be implemented by a program.
use heap_core::Unlock;
use std::cell::Cell;

struct Mine;

unsafe impl Unlock for Mine {
    type Unlocked = Cell<u8>;
    unsafe fn unlock_unchecked(&self) -> &Cell<u8> {
        unimplemented!()
    }
}

fn main() {}
