//! [`State`]: the root of an interpreter's heap.

use std::cell::Cell;

use heap_core::collections::{List, WeakSet, WeakValueMap};
use heap_core::{AllocError, FinalizerQueue, Gc, Lock, Mutator, Trace};

use super::coroutine::{Coroutine, Status};
use crate::interpreter::table::Table;
use crate::interpreter::value::{Text, TextObject, Value};
use crate::interpreter::weak::WeakPart;

/// What a metatable can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::interpreter) enum Event {
    Index,
    NewIndex,
    Call,
    Equal,
    Less,
    LessEqual,
    Length,
    Concatenate,
    Negate,
    BitNot,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ToString,
    Name,
    Mode,
    Finalize,
    Metatable,
    Pairs,
}

/// The names of the fields, in the order of [`Event`].
const EVENT_NAMES: [&str; 28] = [
    "__index",
    "__newindex",
    "__call",
    "__eq",
    "__lt",
    "__le",
    "__len",
    "__concat",
    "__unm",
    "__bnot",
    "__add",
    "__sub",
    "__mul",
    "__div",
    "__idiv",
    "__mod",
    "__pow",
    "__band",
    "__bor",
    "__bxor",
    "__shl",
    "__shr",
    "__tostring",
    "__name",
    "__mode",
    "__gc",
    "__metatable",
    "__pairs",
];

/// Everything that an interpreter keeps.
#[derive(Trace)]
pub(in crate::interpreter) struct State<'gc> {
    pub(in crate::interpreter) globals: Gc<'gc, Table<'gc>>,
    /// The methods of strings.
    pub(in crate::interpreter) strings: Gc<'gc, Table<'gc>>,
    /// The coroutine that runs, the main program included.
    pub(super) current: Lock<Gc<'gc, Coroutine<'gc>>>,
    event_names: [Text<'gc>; EVENT_NAMES.len()],
    /// Made while there was memory.
    pub(super) out_of_memory: Text<'gc>,
    /// The texts of constants by their hashes, so that equal names in a script are nearly always one object.
    texts: WeakValueMap<'gc, u64, TextObject>,
    /// Where tables with a `__gc` wait that were found dead.
    pub(super) finalizers: FinalizerQueue<'gc, Table<'gc>>,
    /// Those whose finalizers are to be called, the next one last.
    pub(super) doomed: List<'gc, Gc<'gc, Table<'gc>>>,
    /// All tables with a `__gc` that are alive.
    finalizable: WeakSet<'gc, Table<'gc>>,
    #[trace(require_static)]
    marked: Cell<u64>,
    /// Whether a finalizer runs.
    #[trace(require_static)]
    pub(super) finalizing: Cell<bool>,
    /// The weak tables, for collections that the script asks for.
    pub(in crate::interpreter) weak_parts: WeakSet<'gc, WeakPart<'gc>>,
}

impl<'gc> State<'gc> {
    pub(in crate::interpreter) fn new(mc: &Mutator<'gc>) -> Result<Gc<'gc, Self>, AllocError> {
        let out_of_memory = Text::new(mc, b"not enough memory")?;
        let mut event_names = [out_of_memory; EVENT_NAMES.len()];
        let texts = WeakValueMap::try_new(mc)?;
        for (place, name) in event_names.iter_mut().zip(EVENT_NAMES) {
            *place = Text::new(mc, name.as_bytes())?;
            texts.try_insert(mc, place.hash(mc), place.object())?;
        }
        let main = Coroutine::new(mc, Value::Nil)?;
        main.status.set(Status::Running);
        Gc::try_new(
            mc,
            State {
                globals: Table::new(mc)?,
                strings: Table::new(mc)?,
                current: Lock::new(main),
                event_names,
                out_of_memory,
                texts,
                finalizers: FinalizerQueue::try_new(mc)?,
                doomed: List::try_new(mc)?,
                finalizable: WeakSet::try_new(mc)?,
                marked: Cell::new(0),
                finalizing: Cell::new(false),
                weak_parts: WeakSet::try_new(mc)?,
            },
        )
    }

    pub(in crate::interpreter) fn event_name(&self, event: Event) -> Text<'gc> {
        self.event_names[event as usize]
    }

    /// A text that is the same object as others that say the same, if they came from here.
    pub(in crate::interpreter) fn intern(&self, mc: &Mutator<'gc>, bytes: &[u8]) -> Result<Text<'gc>, AllocError> {
        let hash = Text::hash_of(mc, bytes);
        if let Some(known) = self.texts.get(mc, &hash).map(Text::from_object)
            && known.bytes() == bytes
        {
            return Ok(known);
        }
        let text = Text::new(mc, bytes)?;
        self.texts.try_insert(mc, text.hash(mc), text.object())?;
        Ok(text)
    }

    /// Notes that a table is to be finalized, unless it is noted already.
    pub(in crate::interpreter) fn mark_for_finalization(
        &self,
        mc: &Mutator<'gc>,
        table: Gc<'gc, Table<'gc>>,
    ) -> Result<(), AllocError> {
        if table.finalizer().get() != 0 {
            return Ok(());
        }
        self.finalizable.try_insert(mc, table)?;
        self.finalizers.try_register(mc, table)?;
        self.marked.set(self.marked.get() + 1);
        table.finalizer().set(self.marked.get());
        Ok(())
    }

    /// The script has ended: all tables that were marked for finalization are finalized, the last one first, on a coroutine of
    /// their own.
    pub(in crate::interpreter) fn finalize_all(this: Gc<'gc, Self>, mc: &Mutator<'gc>) -> Result<bool, AllocError> {
        let mut all: Vec<_> = this.finalizable.iter(mc).filter(|table| table.finalizer().get() != 0).collect();
        all.sort_by_key(|table| table.finalizer().get());
        this.doomed.try_reserve(mc, all.len())?;
        let coroutine = Coroutine::new(mc, Value::Nil)?;
        coroutine.status.set(Status::Running);
        while let Some(table) = this.finalizers.next(mc) {
            debug_assert!(table.finalizer().get() != 0, "what waits was marked");
        }
        this.doomed.clear(mc);
        this.finalizing.set(false);
        for table in all {
            this.doomed.push(mc, table);
        }
        heap_core::store!(mc, this.current, coroutine);
        Ok(!this.doomed.is_empty())
    }
}
