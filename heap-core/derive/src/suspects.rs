//! Containers that hold pointers into the heap and must not.
//!
//! `RefCell<Gc<'gc, T>>` is refused because what is in a `RefCell` must outlive `'static`, and the compiler can say no more
//! than that `'gc` does not. So the derive looks for the names of such containers, with the brand among their arguments, and
//! writes a question about the type beside its own code. A name may be that of another type; the question is answered by the
//! type itself, and of a type of the program's the answer is nothing.

use syn::visit::{self, Visit};
use syn::{GenericArgument, Lifetime, PathArguments, Type, TypePath};

use crate::words::words;

/// The names. Their first type argument must not hold pointers.
const NAMES: [&str; 13] = [
    "Cell",
    "RefCell",
    "OnceCell",
    "OnceLock",
    "Mutex",
    "RwLock",
    "Rc",
    "Arc",
    "HashSet",
    "BTreeSet",
    "BinaryHeap",
    "HashMap",
    "BTreeMap",
];

/// The part of a field's type that seems to be such a container.
pub(crate) fn suspect<'a>(ty: &'a Type, brand: &Lifetime) -> Option<&'a TypePath> {
    let mut search = Search { brand: brand.to_string(), found: None };
    search.visit_type(ty);
    search.found
}

struct Search<'a> {
    brand: String,
    found: Option<&'a TypePath>,
}

impl<'a> Visit<'a> for Search<'a> {
    fn visit_type_path(&mut self, ty: &'a TypePath) {
        if let Some(last) = ty.path.segments.last()
            && let PathArguments::AngleBracketed(arguments) = &last.arguments
            && NAMES.iter().any(|name| last.ident == name)
            && let Some(argument) = arguments.args.iter().find(|argument| matches!(argument, GenericArgument::Type(_)))
            && words(argument).contains(&self.brand)
        {
            self.found.get_or_insert(ty);
            return;
        }
        visit::visit_type_path(self, ty);
    }
}

#[cfg(test)]
mod tests {
    use super::suspect;
    use quote::ToTokens;
    use syn::{Type, parse_quote};

    fn found(ty: Type) -> Option<String> {
        suspect(&ty, &parse_quote!('gc)).map(|ty| ty.to_token_stream().to_string().replace(' ', ""))
    }

    #[test]
    fn finds_containers_with_the_brand_in_them() {
        assert_eq!(found(parse_quote!(Cell<Gc<'gc, u8>>)).as_deref(), Some("Cell<Gc<'gc,u8>>"));
        assert_eq!(found(parse_quote!(Option<std::rc::Rc<Node<'gc>>>)).as_deref(), Some("std::rc::Rc<Node<'gc>>"));
        assert_eq!(found(parse_quote!(HashMap<Gc<'gc, str>, u8>)).as_deref(), Some("HashMap<Gc<'gc,str>,u8>"));
    }

    #[test]
    fn leaves_others_alone() {
        for ty in [
            parse_quote!(Cell<u8>),
            parse_quote!(Cell<'gc>),
            parse_quote!(Cell<'gc, u8>),
            parse_quote!(HashMap<u8, Gc<'gc, u8>>),
            parse_quote!(Lock<Gc<'gc, u8>>),
            parse_quote!(Weak<'gc, Gc<'gc, u8>>),
        ] {
            assert_eq!(found(ty), None);
        }
    }
}
