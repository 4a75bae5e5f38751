//! Which fields lead back to the type itself.
//!
//! A type's constants are made of its fields' constants. For `enum Json { Array(Vec<Json>), .. }` that is a circle: the
//! constant of `Vec<Json>` is that of `Json`. Such fields must be left out, and a derive has only their syntax to go by.
//! It looks for the type's own name, except behind a type that takes the brand as an argument: those are heap pointers,
//! and the constants of `Gc<'gc, Node<'gc>>` do not depend on `Node`.
//!
//! Both mistakes are harmless. A false alarm makes the constants more cautious than they need be. A circle that goes
//! unseen, through another type or a type alias, is a compile error, and `#[trace(recursive)]` its remedy.

use syn::visit::{self, Visit};
use syn::{DeriveInput, GenericArgument, GenericParam, Ident, Lifetime, PathArguments, Type, TypePath};

/// Whether a field of type `ty` seems to hold values of the deriving type with no heap pointer between.
pub(crate) fn owns_self(input: &DeriveInput, brand: &Lifetime, ty: &Type) -> bool {
    let shadowed = input.generics.params.iter().any(|parameter| match parameter {
        GenericParam::Type(parameter) => parameter.ident == input.ident,
        GenericParam::Const(_) | GenericParam::Lifetime(_) => false,
    });
    let mut search = OwnsSelf { name: (!shadowed).then_some(&input.ident), brand, found: false };
    search.visit_type(ty);
    search.found
}

struct OwnsSelf<'a> {
    /// The type's name, unless a parameter of the same name hides it.
    name: Option<&'a Ident>,
    brand: &'a Lifetime,
    found: bool,
}

impl OwnsSelf<'_> {
    fn is_self(&self, ty: &TypePath) -> bool {
        if ty.qself.is_some() || ty.path.leading_colon.is_some() || ty.path.segments.len() != 1 {
            return false;
        }
        let name = &ty.path.segments[0].ident;
        name == "Self" || self.name == Some(name)
    }

    fn is_heap_pointer(&self, ty: &TypePath) -> bool {
        let is_brand = |argument: &GenericArgument| matches!(argument, GenericArgument::Lifetime(lifetime) if lifetime == self.brand);
        ty.path.segments.iter().any(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.iter().any(is_brand),
            PathArguments::None | PathArguments::Parenthesized(_) => false,
        })
    }
}

impl<'ast> Visit<'ast> for OwnsSelf<'_> {
    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        if self.is_self(ty) {
            self.found = true;
        } else if !self.is_heap_pointer(ty) {
            visit::visit_type_path(self, ty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::owns_self;
    use syn::{DeriveInput, Type, parse_quote};

    fn owned_in_node(ty: Type) -> bool {
        let node: DeriveInput = parse_quote!(
            struct Node<'gc, T>(T);
        );
        owns_self(&node, &parse_quote!('gc), &ty)
    }

    #[test]
    fn finds_the_type_in_what_it_owns() {
        assert!(owned_in_node(parse_quote!(Vec<Node<'gc, T>>)));
        assert!(owned_in_node(parse_quote!(Option<Box<Self>>)));
        assert!(owned_in_node(parse_quote!(Box<[(u8, Node<'gc, u8>)]>)));
        assert!(owned_in_node(parse_quote!(Cow<'static, [Self]>)));
    }

    #[test]
    fn stops_at_heap_pointers() {
        assert!(!owned_in_node(parse_quote!(Option<Gc<'gc, Node<'gc, T>>>)));
        assert!(!owned_in_node(parse_quote!(Lock<heap_core::Gc<'gc, Self>>)));
    }

    #[test]
    fn is_not_misled_by_other_names() {
        assert!(!owned_in_node(parse_quote!(Vec<other::Node>)));
        assert!(!owned_in_node(parse_quote!(Vec<<T as Graph>::Node>)));
        let hidden: DeriveInput = parse_quote!(
            struct Node<Node>(Node);
        );
        assert!(!owns_self(&hidden, &parse_quote!('gc), &parse_quote!(Vec<Node>)));
    }
}
