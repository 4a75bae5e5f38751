//! From a type's definition to its `Trace` impl.
//!
//! The output is one anonymous constant that holds the impl, the check against `Drop`, and the helpers that this type
//! needs. Three rules keep it independent of what is in scope around the type: items are named by absolute path, the
//! helpers' names begin with two underscores, and the fields are reached by pattern, not by `self.field`.

use crate::attributes::{self, FieldOption, TypeOptions};
use crate::recursion::owns_self;
use crate::words::words;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::collections::HashSet;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, GenericParam, Generics, Ident, Lifetime, Member, Result, Type,
    TypeParamBound, WherePredicate, parse_quote, parse_quote_spanned,
};

/// The code of `#[derive(Trace)]`.
pub(crate) fn derive_trace(input: &DeriveInput) -> Result<TokenStream> {
    refuse_union(&input.data)?;
    refuse_packed(&input.attrs)?;
    let options = TypeOptions::of(&input.attrs)?;
    let brand = brand(input, &options)?;
    let shapes = shapes(input, &options, &brand)?;

    let implementation = if options.require_static.is_some() {
        implement_static(input, &brand)
    } else {
        implement(input, &brand, &options, &shapes)
    };
    let no_drop = refuse_drop(input);
    Ok(quote! {
        #[allow(deprecated, dead_code, drop_bounds, single_use_lifetimes)]
        const _: () = {
            #implementation
            #no_drop
        };
    })
}

/// A struct, or one variant of an enum.
struct Shape<'a> {
    /// `Self` or `Self::Variant`.
    path: TokenStream,
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    member: Member,
    /// What the generated patterns call it.
    binding: Ident,
    ty: &'a Type,
    treatment: Treatment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// Traced, and its constants count.
    Traced,
    /// Traced, but asking for its constants would lead back to the type's own.
    Recursive,
    /// Not traced, since it outlives `'static`.
    Static,
}

impl Field<'_> {
    /// The field's `Trace` impl. Errors about it point at the field's type.
    fn trace_impl(&self, brand: &Lifetime) -> TokenStream {
        let ty = self.ty;
        quote_spanned!(shown_at(ty)=> <#ty as ::heap_core::Trace<#brand>>)
    }

    /// Code that compiles only if the field's type is the one that the derive saw.
    ///
    /// Another macro may change the type after the derive has seen it, and a value that dereferences to what was seen
    /// would be taken for it: here nothing is coerced.
    fn assert_type(&self) -> TokenStream {
        let Field { ty, binding, .. } = self;
        quote_spanned!(shown_at(ty)=> __is_exactly(#binding, ::core::marker::PhantomData::<*mut #ty>))
    }

    /// Code that compiles only if the field's type outlives `'static`.
    ///
    /// The type is spelled out, not inferred from the value: inference may pick a supertype that lives longer.
    fn assert_static(&self) -> TokenStream {
        let Field { ty, binding, .. } = self;
        quote_spanned!(shown_at(ty)=> __require_static::<#ty>(#binding))
    }
}

/// A span at `code` that is nevertheless marked as generated, so that the user's lints leave it alone.
fn shown_at(code: &impl Spanned) -> Span {
    Span::call_site().located_at(code.span())
}

fn shapes<'a>(input: &'a DeriveInput, options: &TypeOptions, brand: &Lifetime) -> Result<Vec<Shape<'a>>> {
    let mut shapes = Vec::new();
    let mut errors: Option<Error> = None;
    let mut note = |error: Error| match &mut errors {
        Some(errors) => errors.combine(error),
        None => errors = Some(error),
    };
    let mut shape = |path: TokenStream, fields: &'a Fields| {
        let mut found = Vec::new();
        for (index, (member, field)) in fields.members().zip(fields).enumerate() {
            let option = if options.require_static.is_some() {
                attributes::refuse(&field.attrs, "the whole type is `require_static`")
                    .map(|()| FieldOption::RequireStatic)
            } else {
                FieldOption::of(&field.attrs)
            };
            let treatment = match option {
                Ok(FieldOption::RequireStatic) => Treatment::Static,
                Ok(FieldOption::Recursive) => Treatment::Recursive,
                Ok(FieldOption::Traced) if owns_self(input, brand, &field.ty) => Treatment::Recursive,
                Ok(FieldOption::Traced) => Treatment::Traced,
                Err(error) => {
                    note(error);
                    continue;
                }
            };
            let binding = format_ident!("__field_{index}", span = Span::mixed_site());
            found.push(Field { member, binding, ty: &field.ty, treatment });
        }
        shapes.push(Shape { path, fields: found });
    };

    match &input.data {
        Data::Struct(data) => shape(quote!(Self), &data.fields),
        Data::Enum(data) => {
            for variant in &data.variants {
                let name = &variant.ident;
                shape(quote!(Self::#name), &variant.fields);
            }
            for variant in &data.variants {
                if let Err(error) =
                    attributes::refuse(&variant.attrs, "options belong to the type or to a field, not to a variant")
                {
                    note(error);
                }
            }
        }
        Data::Union(_) => {}
    }
    errors.map_or(Ok(shapes), Err)
}

fn refuse_union(data: &Data) -> Result<()> {
    match data {
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "`Trace` cannot be derived for a union: nothing says which of its fields is alive, so nothing can say which \
             pointers it holds; use an enum",
        )),
        Data::Struct(_) | Data::Enum(_) => Ok(()),
    }
}

fn refuse_packed(attributes: &[Attribute]) -> Result<()> {
    let packed = |attribute: &&Attribute| attribute.path().is_ident("repr") && words(attribute).contains("packed");
    match attributes.iter().find(packed) {
        Some(attribute) => Err(Error::new_spanned(
            attribute,
            "`Trace` cannot be derived for a `repr(packed)` type: tracing takes references to the fields, and they would \
             be unaligned",
        )),
        None => Ok(()),
    }
}

/// The lifetime of the heap's pointers: a parameter of the type, or else a fresh name.
fn brand(input: &DeriveInput, options: &TypeOptions) -> Result<Lifetime> {
    let name = &input.ident;
    let mut declared = input.generics.lifetimes().map(|parameter| &parameter.lifetime);
    if let Some(named) = &options.gc_lifetime {
        return if declared.any(|lifetime| lifetime == named) {
            Ok(named.clone())
        } else {
            Err(Error::new_spanned(
                named,
                format!("`gc_lifetime` must name a lifetime parameter of `{name}`, and `{named}` is none"),
            ))
        };
    }
    match (declared.next(), declared.next()) {
        // Nothing in the type depends on the heap: it is traceable in each.
        _ if options.require_static.is_some() => Ok(fresh_brand(input)),
        (None, _) => Ok(fresh_brand(input)),
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => Err(Error::new_spanned(
            &input.generics,
            format!(
                "`{name}` has several lifetime parameters: name the one that brands the heap's pointers with \
                 `#[trace(gc_lifetime = 'gc)]`"
            ),
        )),
    }
}

/// `'gc`, unless the type uses that name for something else, such as `for<'gc>`.
fn fresh_brand(input: &DeriveInput) -> Lifetime {
    let mut used = words(&input.generics);
    used.extend(words(&input.generics.where_clause));
    let fields: Vec<&Fields> = match &input.data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    used.extend(fields.into_iter().flatten().flat_map(|field| words(&field.ty)));
    let name = if used.contains("'gc") { "'__gc" } else { "'gc" };
    Lifetime::new(name, Span::call_site())
}

/// The type's own generics, plus the brand if that is not among them.
fn impl_generics(generics: &Generics, brand: &Lifetime) -> Generics {
    let mut generics = generics.clone();
    if generics.lifetimes().all(|parameter| parameter.lifetime != *brand) {
        generics.params.insert(0, parse_quote!(#brand));
    }
    generics
}

/// The impl for a type whose fields are traced.
fn implement(input: &DeriveInput, brand: &Lifetime, options: &TypeOptions, shapes: &[Shape<'_>]) -> TokenStream {
    let fields = || shapes.iter().flat_map(|shape| &shape.fields);

    let mut generics = impl_generics(&input.generics, brand);
    let where_clause = generics.make_where_clause();
    let replaced = options.bound.as_ref();
    where_clause.predicates.extend(replaced.into_iter().flatten().cloned());
    where_clause.predicates.extend(input.generics.type_params().map(|parameter| -> WherePredicate {
        let parameter = &parameter.ident;
        if replaced.is_none_or(|bound| asks_for_trace(bound, parameter)) {
            parse_quote_spanned!(shown_at(parameter)=> #parameter: ::heap_core::Trace<#brand>)
        } else {
            parse_quote_spanned!(shown_at(parameter)=> #parameter: 'static)
        }
    }));
    for field in fields().filter(|field| field.treatment == Treatment::Static) {
        if may_be_static(&input.generics, brand, field.ty) {
            let ty = field.ty;
            where_clause.predicates.push(parse_quote_spanned!(shown_at(ty)=> #ty: 'static));
        }
    }

    let needs_trace = fields().filter_map(|field| match field.treatment {
        Treatment::Traced => {
            let trace_impl = field.trace_impl(brand);
            Some(quote_spanned!(shown_at(field.ty)=> #trace_impl::NEEDS_TRACE))
        }
        Treatment::Recursive => Some(quote!(true)),
        Treatment::Static => None,
    });
    let thread_bound = fields().map(|field| match field.treatment {
        Treatment::Traced => {
            let trace_impl = field.trace_impl(brand);
            quote_spanned!(shown_at(field.ty)=> #trace_impl::THREAD_BOUND)
        }
        Treatment::Recursive | Treatment::Static => thread_bound_by_send(field.ty),
    });

    let tracer = Ident::new("__tracer", Span::mixed_site());
    let relocator = Ident::new("__relocator", Span::mixed_site());
    let traced = |field: &Field<'_>| field.treatment != Treatment::Static;
    let trace = arms(shapes, &|_| true, |field| {
        let same_type = field.assert_type();
        if traced(field) {
            let (trace_impl, binding) = (field.trace_impl(brand), &field.binding);
            quote_spanned!(shown_at(field.ty)=> #same_type; #trace_impl::trace(#binding, #tracer);)
        } else {
            let assertion = field.assert_static();
            quote!(#same_type; #assertion;)
        }
    });
    let relocate = arms(shapes, &traced, |field| {
        let (trace_impl, binding) = (field.trace_impl(brand), &field.binding);
        quote_spanned!(shown_at(field.ty)=> #trace_impl::relocate(#binding, #relocator);)
    });
    let owned_bytes = arms(shapes, &traced, |field| {
        let (trace_impl, binding) = (field.trace_impl(brand), &field.binding);
        quote_spanned!(shown_at(field.ty)=> + #trace_impl::owned_bytes(#binding))
    });
    let trace = match_self(&trace, &quote!());
    let relocate = match_self(&relocate, &quote!());
    let owned_bytes = match_self(&owned_bytes, &quote!(0));

    let asks_send = fields().any(|field| field.treatment != Treatment::Traced).then(send_probe);
    let asserts_static = fields().any(|field| field.treatment == Treatment::Static).then(require_static);
    let asserts_type = fields().next().is_some().then(is_exactly);

    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #asks_send
        #asserts_static
        #asserts_type

        // SAFETY: `trace` and `relocate` visit every field once, through the field's own impl, but for the fields that
        // outlive `'static` and so hold no branded pointer. The constants are the disjunction of the fields' constants.
        #[automatically_derived]
        unsafe impl #impl_generics ::heap_core::Trace<#brand> for #name #ty_generics #where_clause {
            const NEEDS_TRACE: ::core::primitive::bool = false #(|| #needs_trace)*;
            const THREAD_BOUND: ::core::primitive::bool = false #(|| #thread_bound)*;

            #[inline]
            fn trace(&self, #tracer: &mut ::heap_core::Tracer<#brand>) {
                #trace
            }

            #[inline]
            fn relocate(&mut self, #relocator: &mut ::heap_core::Relocator<#brand>) {
                #relocate
            }

            #[inline]
            fn owned_bytes(&self) -> ::core::primitive::usize {
                #owned_bytes
            }
        }
    }
}

/// Whether `bound` says `parameter: Trace<..>`.
///
/// Every type parameter is demanded to be either `Trace` or `'static`, whatever else it is (rule 7 of the trait): the
/// compiler does not ask whether `X<&'static &'gc ()>` makes sense for every `'gc` when that is a root, and an impl that
/// accepts any parameter would let it pass. By its words the bound only chooses between the two; the derive writes down
/// itself what it chose, so that another trait called `Trace` does not help.
fn asks_for_trace(bound: &[WherePredicate], parameter: &Ident) -> bool {
    bound.iter().any(|predicate| match predicate {
        WherePredicate::Type(predicate) => {
            matches!(&predicate.bounded_ty, Type::Path(ty) if ty.path.is_ident(parameter))
                && predicate.bounds.iter().any(|bound| match bound {
                    TypeParamBound::Trait(bound) => {
                        bound.path.segments.last().is_some_and(|segment| segment.ident == "Trace")
                    }
                    _ => false,
                })
        }
        _ => false,
    })
}

/// The impl for a type that is `require_static` as a whole.
fn implement_static(input: &DeriveInput, brand: &Lifetime) -> TokenStream {
    let mut generics = impl_generics(&input.generics, brand);
    // Without parameters the predicate would be trivial, which is a warning; the assertion in `trace` remains.
    if input.generics.params.iter().any(|parameter| !matches!(parameter, GenericParam::Const(_))) {
        generics.make_where_clause().predicates.push(parse_quote!(Self: 'static));
    }

    let name = &input.ident;
    let asks_send = send_probe();
    let asserts_static = require_static();
    let thread_bound = thread_bound_by_send(&parse_quote!(Self));
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #asks_send
        #asserts_static

        // SAFETY: the type outlives `'static`, so it holds no branded pointer, and there is nothing to report.
        #[automatically_derived]
        unsafe impl #impl_generics ::heap_core::Trace<#brand> for #name #ty_generics #where_clause {
            const NEEDS_TRACE: ::core::primitive::bool = false;
            const THREAD_BOUND: ::core::primitive::bool = #thread_bound;

            #[inline]
            fn trace(&self, _: &mut ::heap_core::Tracer<#brand>) {
                __require_static::<Self>(self);
            }

            #[inline]
            fn relocate(&mut self, _: &mut ::heap_core::Relocator<#brand>) {}

            #[inline]
            fn owned_bytes(&self) -> ::core::primitive::usize {
                0
            }
        }
    }
}

/// One match arm per shape, which binds the fields that `wanted` selects: the pattern and the code for its fields.
///
/// A pattern that binds all fields of the shape does not end in `..`, and `trace` binds them all: should another macro
/// add a field after the derive has seen the type, the pattern does not match and nothing compiles, instead of a field
/// that nobody traces. Should it change a field's type, [`Field::assert_type`] does not compile.
fn arms<'a>(
    shapes: &'a [Shape<'a>],
    wanted: &dyn Fn(&Field<'a>) -> bool,
    code: impl Fn(&Field<'a>) -> TokenStream,
) -> Vec<(TokenStream, TokenStream)> {
    let arm = |shape: &'a Shape<'a>| {
        let path = &shape.path;
        let wanted = || shape.fields.iter().filter(|field| wanted(field));
        let bindings = wanted().map(|Field { member, binding, .. }| quote!(#member: #binding));
        let rest = (wanted().count() < shape.fields.len()).then(|| quote!(..));
        let code: TokenStream = wanted().map(&code).collect();
        (quote!(#path { #(#bindings,)* #rest }), code)
    };
    shapes.iter().map(arm).collect()
}

/// `match self`, where each arm's code is put behind `start`.
fn match_self(arms: &[(TokenStream, TokenStream)], start: &TokenStream) -> TokenStream {
    // A reference to an enum without variants still counts as inhabited.
    if arms.is_empty() {
        return quote!(match *self {});
    }
    let arms = arms.iter().map(|(pattern, code)| quote!(#pattern => { #start #code }));
    quote!(match self { #(#arms)* })
}

/// Makes a `Drop` impl on the type a compile error, by an overlap of two impls that exists only then.
fn refuse_drop(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    // The compiler reports the second impl, so it carries the span of the type's name.
    quote_spanned! {shown_at(name)=>
        trait DropIsNotAllowedOnTracedTypes {}
        impl<__T: ?::core::marker::Sized + ::core::ops::Drop> DropIsNotAllowedOnTracedTypes for __T {}
        impl #impl_generics DropIsNotAllowedOnTracedTypes for #name #ty_generics #where_clause {}
    }
}

/// The helper behind [`Field::assert_static`].
fn require_static() -> TokenStream {
    quote! {
        #[inline(always)]
        fn __require_static<__T: ?::core::marker::Sized + 'static>(_: &__T) {}
    }
}

/// The helper behind [`Field::assert_type`].
fn is_exactly() -> TokenStream {
    quote! {
        #[inline(always)]
        fn __is_exactly<__T: ?::core::marker::Sized>(_: &__T, _: ::core::marker::PhantomData<*mut __T>) {}
    }
}

/// `__SendProbe<T>::THREAD_BOUND` is false if the compiler can prove `T: Send` where it is written, and else true.
///
/// An associated constant of the type itself goes before one of a trait, but only if its bounds hold.
fn send_probe() -> TokenStream {
    quote! {
        struct __SendProbe<__T: ?::core::marker::Sized>(::core::marker::PhantomData<__T>);

        impl<__T: ?::core::marker::Sized + ::core::marker::Send> __SendProbe<__T> {
            const THREAD_BOUND: ::core::primitive::bool = false;
        }

        trait __NotKnownToBeSend {
            const THREAD_BOUND: ::core::primitive::bool = true;
        }

        impl<__T: ?::core::marker::Sized> __NotKnownToBeSend for __SendProbe<__T> {}
    }
}

fn thread_bound_by_send(ty: &Type) -> TokenStream {
    quote_spanned!(shown_at(ty)=> <__SendProbe<#ty>>::THREAD_BOUND)
}

/// Whether `ty: 'static` is a matter of the type's parameters, and not just true or false.
///
/// Then it is a condition of the impl. A type that mentions the brand gets no condition, so that the assertion in
/// `trace` fails where the field is declared, and not where the type is used.
fn may_be_static(generics: &Generics, brand: &Lifetime, ty: &Type) -> bool {
    let words = words(ty);
    let parameters: HashSet<String> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Lifetime(parameter) => Some(parameter.lifetime.to_string()),
            GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
            GenericParam::Const(_) => None,
        })
        .collect();
    let brand = brand.to_string();
    if words.contains("Self") {
        return !parameters.is_empty() && !parameters.contains(&brand);
    }
    !words.contains(&brand) && !words.is_disjoint(&parameters)
}

#[cfg(test)]
mod tests;
