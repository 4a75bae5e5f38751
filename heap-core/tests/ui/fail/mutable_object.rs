//! An object is changed through `&mut`.
use heap_core::Gc;

fn f<'gc>(gc: Gc<'gc, (u64, Option<Gc<'gc, u64>>)>) {
    gc.1 = None;
    let _: &mut (u64, _) = &mut *gc;
}

fn main() {}
