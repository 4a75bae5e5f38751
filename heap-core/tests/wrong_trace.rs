//! The verifier finds implementations of `Trace` that are wrong.

use heap_core::{Gc, Heap, NoGc, Relocator, Rootable, Trace, Tracer};

macro_rules! wrong {
    ($name:ident, $trace:expr, $relocate:expr) => {
        #[allow(dead_code)]
        struct $name<'gc>(Gc<'gc, u64>, Gc<'gc, u64>);

        // SAFETY: none, on purpose. Nothing is ever freed or moved here.
        unsafe impl<'gc> Trace<'gc> for $name<'gc> {
            type Facts = heap_core::Known<true, true>;
            fn trace(&self, tracer: &mut Tracer<'gc>) {
                let trace: fn(&Self, &mut Tracer<'gc>) = $trace;
                trace(self, tracer);
            }
            fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
                let relocate: fn(&mut Self, &mut Relocator<'gc>) = $relocate;
                relocate(self, relocator);
            }
        }
    };
}

wrong!(
    Right,
    |this, tracer| {
        tracer.visit(this.0);
        tracer.visit(this.1);
    },
    |this, relocator| {
        relocator.visit(&mut this.0);
        relocator.visit(&mut this.1);
    }
);
wrong!(
    TracedTwice,
    |this, tracer| {
        tracer.visit(this.0);
        tracer.visit(this.1);
        tracer.visit(this.1);
    },
    |this, relocator| {
        relocator.visit(&mut this.0);
        relocator.visit(&mut this.1);
    }
);
wrong!(
    RelocatedTwice,
    |this, tracer| {
        tracer.visit(this.0);
        tracer.visit(this.0);
    },
    |this, relocator| {
        relocator.visit(&mut this.0);
        relocator.visit(&mut this.0);
    }
);
wrong!(
    ForgottenSlot,
    |this, tracer| {
        tracer.visit(this.0);
        tracer.visit(this.1);
    },
    |this, relocator| relocator.visit(&mut this.0)
);

macro_rules! verdict {
    ($name:ident) => {{
        let mut heap =
            Heap::<Rootable![$name<'_>]>::new(NoGc::default(), |mc| $name(Gc::new(mc, 1), Gc::new(mc, 2))).unwrap();
        heap.verify().map(|census| census.objects).map_err(|error| error.to_string())
    }};
}

#[test]
fn wrong_implementations_are_found() {
    assert_eq!(verdict!(Right), Ok(3));
    let error = verdict!(TracedTwice).unwrap_err();
    assert!(error.contains("TracedTwice") && error.contains("3 edges and `relocate` 2"), "{error}");
    let error = verdict!(RelocatedTwice).unwrap_err();
    assert!(error.contains("RelocatedTwice") && error.contains("twice"), "{error}");
    let error = verdict!(ForgottenSlot).unwrap_err();
    assert!(error.contains("2 edges and `relocate` 1"), "{error}");
}
