//! A small HPROF file with everything that the format has, for tests.

#![allow(dead_code, reason = "a test of the whole program includes this file too, and uses less of it")]

/// A dump in the making, with identifiers of four or eight bytes.
pub(crate) struct Dump {
    pub(crate) bytes: Vec<u8>,
    wide: bool,
}

/// A field of a class: its name and type.
pub(crate) type Field = (u64, u8);

impl Dump {
    pub(crate) fn new(wide: bool) -> Self {
        let mut dump = Self { bytes: b"JAVA PROFILE 1.0.2\0".to_vec(), wide };
        dump.u4(if wide { 8 } else { 4 }).u4(0).u4(0);
        dump
    }

    pub(crate) fn u1(&mut self, number: u8) -> &mut Self {
        self.bytes.push(number);
        self
    }

    pub(crate) fn u2(&mut self, number: u16) -> &mut Self {
        self.bytes.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn u4(&mut self, number: u32) -> &mut Self {
        self.bytes.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn id(&mut self, id: u64) -> &mut Self {
        if self.wide {
            self.bytes.extend(id.to_be_bytes());
        } else {
            self.bytes.extend((id as u32).to_be_bytes());
        }
        self
    }

    pub(crate) fn record(&mut self, tag: u8, body: impl FnOnce(&mut Self)) -> &mut Self {
        self.u1(tag).u4(0).u4(0);
        let begin = self.bytes.len();
        body(self);
        let length = (self.bytes.len() - begin) as u32;
        self.bytes[begin - 4..begin].copy_from_slice(&length.to_be_bytes());
        self
    }

    pub(crate) fn text(&mut self, id: u64, text: &str) -> &mut Self {
        self.record(1, |dump| {
            dump.id(id).bytes.extend(text.as_bytes());
        })
    }

    pub(crate) fn loaded(&mut self, class: u64, name: u64) -> &mut Self {
        self.record(2, |dump| {
            dump.u4(1).id(class).u4(0).id(name);
        })
    }

    pub(crate) fn class(&mut self, id: u64, above: u64, statics: &[u64], fields: &[Field]) -> &mut Self {
        self.u1(0x20).id(id).u4(0).id(above).id(0).id(0).id(0).id(0).id(0).u4(0);
        // A pool of constants with one number, and statics: a byte, then references.
        self.u2(1).u2(7).u1(10).u4(99);
        self.u2(1 + statics.len() as u16).id(50).u1(8).u1(1);
        for to in statics {
            self.id(51).u1(2).id(*to);
        }
        self.u2(fields.len() as u16);
        for (name, kind) in fields {
            self.id(*name).u1(*kind);
        }
        self
    }

    pub(crate) fn instance(&mut self, id: u64, class: u64, fields: impl FnOnce(&mut Self)) -> &mut Self {
        self.u1(0x21).id(id).u4(0).id(class).u4(0);
        let begin = self.bytes.len();
        fields(self);
        let length = (self.bytes.len() - begin) as u32;
        self.bytes[begin - 4..begin].copy_from_slice(&length.to_be_bytes());
        self
    }
}

pub(crate) const OBJECT: u64 = 0x100;
pub(crate) const REFERENCE: u64 = 0x110;
pub(crate) const WEAK: u64 = 0x120;
pub(crate) const SOFT: u64 = 0x130;
pub(crate) const NODE: u64 = 0x140;
pub(crate) const REFERENT: u64 = 4;

/// Strings and classes in front of the heap.
pub(crate) fn head(wide: bool) -> Dump {
    let mut dump = Dump::new(wide);
    dump.text(1, "java/lang/ref/Reference").text(2, "java/lang/ref/WeakReference").text(3, "Node").text(4, "referent");
    dump.text(5, &"a name that is longer than those that mean something".repeat(3));
    dump.loaded(REFERENCE, 1).loaded(WEAK, 2).loaded(NODE, 3);
    dump
}

pub(crate) fn classes(dump: &mut Dump) {
    dump.class(OBJECT, 0, &[], &[]);
    dump.class(REFERENCE, OBJECT, &[], &[(REFERENT, 2), (6, 2)]);
    dump.class(WEAK, REFERENCE, &[], &[]);
    dump.class(SOFT, REFERENCE, &[], &[(6, 11)]);
    // Among its fields one that is only called like the one of references.
    dump.class(NODE, OBJECT, &[0x200], &[(7, 10), (REFERENT, 2), (7, 9), (8, 2), (7, 4)]);
}

pub(crate) fn node(dump: &mut Dump, id: u64, first: u64, second: u64) {
    dump.instance(id, NODE, |dump| {
        dump.u4(1).id(first).u2(2).id(second).u1(3);
    });
}

/// A dump in which instances stand in front of their classes.
pub(crate) fn whole(wide: bool) -> Vec<u8> {
    let mut dump = head(wide);
    dump.record(0x1C, |dump| {
        node(dump, 0x200, 0x210, 0x9999);
        dump.instance(0x210, WEAK, |dump| {
            dump.id(0x200).id(0x220);
        });
        dump.instance(0x220, SOFT, |dump| {
            dump.u4(0).u4(0).id(0x230).id(0);
        });
    });
    dump.record(5, |dump| {
        dump.u4(1).u4(2).u4(0);
    });
    dump.record(0x1C, |dump| {
        classes(dump);
        dump.u1(0x22).id(0x230).u4(0).u4(3).id(OBJECT).id(0x200).id(0).id(0x240);
        dump.u1(0x23).id(0x240).u4(0).u4(5).u1(5).bytes.extend([1; 10]);
        dump.u1(0xFF).id(0x230).u1(1).id(0x9999).id(1).u1(2).id(0x240).u4(1).u4(2).u1(4).id(NODE).u4(1);
        dump.u1(8).id(0x200).u4(1).u4(1).u1(5).id(OBJECT);
        dump.u1(0xFE).u4(1).id(1).u1(0x90).id(0x240).u1(0x8E).id(0x240).u4(1).u4(1);
        dump.u1(0xC3).id(0x250).u4(0).u4(1000).u1(11);
    });
    dump.record(0x2C, |_| {});
    dump.bytes
}
