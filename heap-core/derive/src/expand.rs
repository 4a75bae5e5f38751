//! From a type's definition to its `Trace` impl.
//!
//! The output is one anonymous constant that holds the impl and its checks: no `Drop`, and nothing assumed that the
//! declaration does not say. Three rules keep it independent of what is in scope around the type: it declares no types
//! and no traits of its own, everything is named by a path through `heap-core`, and the fields are reached by pattern,
//! not by `self.field`.
//!
//! *A path can lie.* `extern crate self as heap_core;` (or `core`, which is why the standard library is not named
//! either) makes `::heap_core` a module of the program, and `#[trace(crate = ..)]` may say anything. So nothing is
//! believed that is reached by a path, except what the real trait vouches for. An impl of another trait than the real
//! one proves nothing and harms nobody. If it is the real one, the compiler compares the impl's signatures with the
//! trait's, and the hidden function `__checks_are_genuine` has one only in order to name the helpers that this code
//! relies on: an impostor is a type error there. The functions among the helpers are associated with a type, so that
//! the type vouches for them. A trait that the impl *demands* cannot be named so: a function of these is called that
//! demands it as well.
//!
//! *A macro can change its mind.* A type that is written once in the declaration stands in several places of the output. So
//! no macro may be called in it.

use crate::attributes::{self, FieldOption, TypeOptions};
use crate::recursion::owns_self;
use crate::suspects::suspect;
use crate::words::{macro_call, words};
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use std::collections::HashSet;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, GenericParam, Generics, Ident, Lifetime, Member, Path, Result, Token,
    TraitBoundModifier, Type, TypeParamBound, WherePredicate, parse_quote, parse_quote_spanned,
};

/// The code of `#[derive(Trace)]`.
pub(crate) fn derive_trace(input: &DeriveInput) -> Result<TokenStream> {
    refuse_union(&input.data)?;
    refuse_packed(&input.attrs)?;
    let options = TypeOptions::of(&input.attrs)?;
    refuse_macros(input, &options)?;
    let cx = Context { brand: brand(input, &options)?, krate: crate_path(&options) };
    let shapes = shapes(input, &options, &cx.brand)?;

    let implementation = if options.require_static.is_some() {
        implement_static(input, &cx)
    } else {
        implement(input, &cx, &options, &shapes)
    };
    let no_drop = refuse_drop(input, &cx);
    Ok(quote! {
        // A bound that stands in the type's declaration is said once more in a `where` clause.
        #[allow(deprecated, dead_code, single_use_lifetimes, clippy::multiple_bound_locations)]
        const _: () = {
            #implementation
            #no_drop
        };
    })
}

/// What all of the expansion mentions.
struct Context {
    /// The lifetime of the heap's pointers.
    brand: Lifetime,
    /// The path of `heap-core`.
    krate: Path,
}

impl Context {
    /// An item of `heap-core`, resolved where the path was written but shown at `span`.
    fn item(&self, path: TokenStream, span: Span) -> TokenStream {
        let krate = &self.krate;
        let at = |mut token: TokenTree| {
            token.set_span(token.span().located_at(span));
            token
        };
        quote!(#krate::#path).into_iter().map(at).collect()
    }

    /// `Trace<'gc>`.
    fn trace(&self, span: Span) -> TokenStream {
        let brand = &self.brand;
        let trace = self.item(quote!(Trace), span);
        quote_spanned!(span=> #trace<#brand>)
    }

    /// `Content<'gc>`: what a type must be that need not be sized.
    fn content(&self, span: Span) -> TokenStream {
        let brand = &self.brand;
        let content = self.item(quote!(Content), span);
        quote_spanned!(span=> #content<#brand>)
    }
}

/// `::heap_core`, unless the program calls it something else.
fn crate_path(options: &TypeOptions) -> Path {
    options.crate_path.clone().unwrap_or_else(|| parse_quote!(::heap_core))
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
    /// Whether a pointer to the type is to be a pointer to this field.
    is_prefix: bool,
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
    fn trace_impl(&self, cx: &Context) -> TokenStream {
        let ty = self.ty;
        let trace = cx.trace(shown_at(ty));
        quote_spanned!(shown_at(ty)=> <#ty as #trace>)
    }

    /// One of the facts about the field's type: a constant, and the function that reads it.
    ///
    /// Of a type that is not `Trace` the cautious answer: that it is not is reported once, where it is traced. The trait
    /// that gives this answer must be in scope, and only there.
    fn fact(&self, constant: &str, reader: &str, cx: &Context) -> TokenStream {
        let span = shown_at(self.ty);
        let (ty, brand) = (self.ty, &cx.brand);
        if suspect(ty, brand).is_some() {
            return quote!(true);
        }
        let (constant, reader) = (Ident::new(constant, span), Ident::new(reader, span));
        let [checks, probe, otherwise] =
            [quote!(Checks), quote!(FactsProbe), quote!(NotTraced)].map(|name| cx.item(quote!(__private::#name), span));
        quote_spanned!(span=> {
            use #otherwise as _;
            #checks::#reader::<#ty>(<#probe<#brand, #ty>>::#constant)
        })
    }

    /// Code that explains why a container of the standard library cannot hold pointers, if the field has one that does.
    ///
    /// It stands in every function that would be refused for less clear reasons, so that these are not given. The trait that
    /// finds nothing wrong must be in scope, and only there.
    fn explain(&self, cx: &Context) -> Option<TokenStream> {
        let ty = suspect(self.ty, &cx.brand)?;
        let span = shown_at(ty);
        let [suspect, otherwise] =
            [quote!(Suspect), quote!(NotSuspect)].map(|name| cx.item(quote!(__private::#name), span));
        Some(quote_spanned!(span=> {
            use #otherwise as _;
            <#suspect<#ty>>::check()
        };))
    }

    /// Code that compiles only if the field's type is the one that the derive saw.
    ///
    /// Another macro may change the type after the derive has seen it, and a value that dereferences to what was seen
    /// would be taken for it: here nothing is coerced.
    fn assert_type(&self, cx: &Context) -> TokenStream {
        let Field { ty, binding, .. } = self;
        let checks = cx.item(quote!(__private::Checks), shown_at(ty));
        quote_spanned!(shown_at(ty)=> #checks::is_exactly(#binding, #checks::the_type::<#ty>()))
    }

    /// Code that compiles only if the field's type outlives `'static`.
    ///
    /// The type is spelled out, not inferred from the value: inference may pick a supertype that lives longer.
    fn assert_static(&self, cx: &Context) -> TokenStream {
        let Field { ty, binding, .. } = self;
        let checks = cx.item(quote!(__private::Checks), shown_at(ty));
        quote_spanned!(shown_at(ty)=> #checks::require_static::<#ty>(#binding))
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
            let treatment = match &option {
                Ok(FieldOption::RequireStatic) => Treatment::Static,
                Ok(FieldOption::Recursive) => Treatment::Recursive,
                Ok(FieldOption::Prefix) => match may_be_prefix(input, index) {
                    Ok(()) => Treatment::Traced,
                    Err(reason) => {
                        note(Error::new_spanned(field, reason));
                        continue;
                    }
                },
                Ok(FieldOption::Traced) if owns_self(input, brand, &field.ty) => Treatment::Recursive,
                Ok(FieldOption::Traced) => Treatment::Traced,
                Err(error) => {
                    note(error.clone());
                    continue;
                }
            };
            let binding = format_ident!("__field_{index}", span = Span::mixed_site());
            let is_prefix = option.is_ok_and(|option| option == FieldOption::Prefix);
            found.push(Field { member, binding, ty: &field.ty, treatment, is_prefix });
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

/// Whether the field at `index` may be marked as a prefix.
fn may_be_prefix(input: &DeriveInput, index: usize) -> core::result::Result<(), &'static str> {
    let is_c = |attribute: &Attribute| attribute.path().is_ident("repr") && words(attribute).contains("C");
    match &input.data {
        Data::Struct(_) if index != 0 => Err("only the first field can be a prefix"),
        Data::Struct(_) if !input.attrs.iter().any(is_c) => {
            Err("a type with a prefix must be `#[repr(C)]`: otherwise the compiler puts the fields in any order")
        }
        Data::Struct(_) => Ok(()),
        Data::Enum(_) | Data::Union(_) => Err("only a struct can have a prefix"),
    }
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

/// Types, bounds and parameters stand in the generated code several times, and are taken for the same each time. What a macro
/// says need not be.
fn refuse_macros(input: &DeriveInput, options: &TypeOptions) -> Result<()> {
    let fields: Vec<&Fields> = match &input.data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let types = fields.into_iter().flatten().find_map(|field| macro_call(&field.ty));
    let bounds = || options.bound.iter().flatten().find_map(macro_call);
    let generics = || macro_call(&input.generics).or_else(|| macro_call(&input.generics.where_clause));
    types.or_else(generics).or_else(bounds).map_or(Ok(()), |call| Err(may_change(call)))
}

/// A macro call where a type is written.
pub(crate) fn may_change(call: Span) -> Error {
    Error::new(
        call,
        "this type is needed in several places, and a macro may say something else in each of them: give it a name with \
         `type Name<..> = ..;` and write that",
    )
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
fn implement(input: &DeriveInput, cx: &Context, options: &TypeOptions, shapes: &[Shape<'_>]) -> TokenStream {
    let brand = &cx.brand;
    let fields = || shapes.iter().flat_map(|shape| &shape.fields);

    let mut generics = impl_generics(&input.generics, brand);
    let where_clause = generics.make_where_clause();
    let replaced = options.bound.as_ref();
    where_clause.predicates.extend(replaced.into_iter().flatten().cloned());
    where_clause.predicates.extend(input.generics.type_params().map(|parameter| -> WherePredicate {
        let parameter = &parameter.ident;
        if replaced.is_none_or(|bound| asks_for_trace(bound, parameter)) {
            let trace = if may_be_unsized(&input.generics, parameter) {
                cx.content(shown_at(parameter))
            } else {
                cx.trace(shown_at(parameter))
            };
            // That it outlives the brand as well is what `Gc<'gc, T>` demands, and what the compiler would otherwise
            // infer from a field of that type, and keep to itself.
            parse_quote_spanned!(shown_at(parameter)=> #parameter: #trace + #brand)
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
        Treatment::Traced => Some(field.fact("NEEDS_TRACE", "needs_trace", cx)),
        Treatment::Recursive => Some(quote!(true)),
        Treatment::Static => None,
    });
    let thread_bound = fields().map(|field| match field.treatment {
        Treatment::Traced => field.fact("THREAD_BOUND", "is_thread_bound", cx),
        Treatment::Recursive | Treatment::Static => thread_bound_by_send(field.ty, cx),
    });

    let tracer = Ident::new("__tracer", Span::mixed_site());
    let relocator = Ident::new("__relocator", Span::mixed_site());
    let traced = |field: &Field<'_>| field.treatment != Treatment::Static;
    let trace = arms(shapes, &|_| true, |field| {
        let same_type = field.assert_type(cx);
        let Field { ty, binding, .. } = field;
        let visit = match field.treatment {
            Treatment::Traced => {
                let trace_impl = field.trace_impl(cx);
                quote_spanned!(shown_at(ty)=> #trace_impl::trace(#binding, #tracer))
            }
            Treatment::Recursive => {
                let tracer_type = cx.item(quote!(Tracer::<#brand>), shown_at(ty));
                quote_spanned!(shown_at(ty)=> #tracer_type::descend::<#ty>(#tracer, #binding))
            }
            Treatment::Static => field.assert_static(cx),
        };
        let explanation = field.explain(cx);
        quote!(#explanation #same_type; #visit;)
    });
    let relocate = arms(shapes, &traced, |field| {
        let Field { ty, binding, .. } = field;
        if field.treatment == Treatment::Recursive {
            let relocator_type = cx.item(quote!(Relocator::<#brand>), shown_at(ty));
            quote_spanned!(shown_at(ty)=> #relocator_type::descend::<#ty>(#relocator, #binding);)
        } else {
            let (trace_impl, explanation) = (field.trace_impl(cx), field.explain(cx));
            quote_spanned!(shown_at(ty)=> #explanation #trace_impl::relocate(#binding, #relocator);)
        }
    });
    let owned_bytes = arms(shapes, &traced, |field| {
        let Field { ty, binding, .. } = field;
        if field.treatment == Treatment::Recursive {
            let tracer_type = cx.item(quote!(Tracer::<#brand>), shown_at(ty));
            quote_spanned!(shown_at(ty)=> + #tracer_type::owned_bytes::<#ty>(#binding))
        } else {
            let trace_impl = field.trace_impl(cx);
            let visit = quote_spanned!(shown_at(ty)=> #trace_impl::owned_bytes(#binding));
            match field.explain(cx) {
                Some(explanation) => quote!(+ { #explanation #visit }),
                None => quote!(+ #visit),
            }
        }
    });
    let namer = Ident::new("__namer", Span::mixed_site());
    let name_edges = arms(shapes, &traced, |field| {
        let Field { ty, binding, member, .. } = field;
        let name = match member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let report = if field.treatment == Treatment::Recursive {
            let tracer_type = cx.item(quote!(Tracer::<#brand>), shown_at(ty));
            quote_spanned! {shown_at(ty)=>
                #namer.edges(&mut |#tracer| #tracer_type::descend::<#ty>(#tracer, #binding));
            }
        } else {
            let (trace_impl, explanation) = (field.trace_impl(cx), field.explain(cx));
            quote_spanned!(shown_at(ty)=> #explanation #trace_impl::__name_edges(#binding, #namer);)
        };
        quote!(#namer.enter(#name); #report #namer.leave();)
    });
    let trace = match_self(&trace, &quote!());
    let name_edges = match_self(&name_edges, &quote!());
    let relocate = match_self(&relocate, &quote!());
    let owned_bytes = match_self(&owned_bytes, &quote!(0));
    let needs_trace = quote!(false #(|| #needs_trace)*);
    let thread_bound = quote!(false #(|| #thread_bound)*);
    let unsized_parameters = input.generics.type_params().filter(|parameter| {
        replaced.is_none_or(|bound| asks_for_trace(bound, &parameter.ident))
            && may_be_unsized(&input.generics, &parameter.ident)
    });
    let vouched = unsized_parameters.map(|parameter| {
        let name = &parameter.ident;
        let checks = cx.item(quote!(__private::Checks), shown_at(name));
        quote_spanned!(shown_at(name)=> #checks::is_content::<#brand, #name>();)
    });
    let vouched = quote!(#(#vouched)*);

    // SAFETY of the impl: `trace` and `relocate` visit every field once, through the field's own impl, but for the
    // fields that outlive `'static` and so hold no branded pointer. The constants are the disjunction of the fields'
    // constants. What the type's parts demand of each other is a condition of the impl, which `assume_nothing` checks.
    let members = Members { needs_trace, thread_bound, trace, relocate, owned_bytes, name_edges, vouched };
    unsafe_impl(input, cx, &generics, &members, fields().find(|field| field.is_prefix))
}

/// What an impl consists of.
struct Members {
    needs_trace: TokenStream,
    thread_bound: TokenStream,
    trace: TokenStream,
    relocate: TokenStream,
    owned_bytes: TokenStream,
    name_edges: TokenStream,
    /// Calls that compile only if the conditions on parameters are the real ones.
    vouched: TokenStream,
}

/// Prints the impl, with the checks that every impl needs.
fn unsafe_impl(
    input: &DeriveInput,
    cx: &Context,
    generics: &Generics,
    members: &Members,
    prefix: Option<&Field<'_>>,
) -> TokenStream {
    let Context { brand, krate } = cx;
    let Members { needs_trace, thread_bound, trace, relocate, owned_bytes, name_edges, vouched } = members;
    let name = &input.ident;
    let tracer = Ident::new("__tracer", Span::mixed_site());
    let relocator = Ident::new("__relocator", Span::mixed_site());
    let namer = Ident::new("__namer", Span::mixed_site());
    let assume_nothing = assume_nothing(input, cx, generics);
    let casts = casts(input, cx, generics, prefix);
    let type_id = type_id(input, cx);
    let is_a = prefix.map(|_| {
        quote! {
            fn __is_a(id: #krate::__private::TypeId) -> #krate::__private::bool {
                <Self as #krate::Trace<#brand>>::__type_id() == #krate::__private::Option::Some(id)
                    || #krate::__private::Checks::prefix_is_a::<#brand, Self>(id)
            }
        }
    });
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        unsafe impl #impl_generics #krate::Trace<#brand> for #name #ty_generics #where_clause {
            type Facts = Self;

            #type_id
            #is_a

            #[inline]
            fn trace(&self, #tracer: &mut #krate::Tracer<#brand>) {
                #trace
            }

            #[inline]
            fn relocate(&mut self, #relocator: &mut #krate::Relocator<#brand>) {
                #relocate
            }

            #[inline]
            fn owned_bytes(&self) -> #krate::__private::usize {
                #owned_bytes
            }

            fn __name_edges(&self, #namer: &mut #krate::__private::EdgeNamer<'_, #brand>) {
                #name_edges
            }

            fn __checks_are_genuine(
                _: #krate::__private::Checks,
                _: #krate::__private::SendProbe<Self>,
                _: &dyn #krate::__private::DropIsNotAllowedOnTracedTypes,
            ) {
                #vouched
            }
        }

        #[automatically_derived]
        unsafe impl #impl_generics #krate::Facts<#brand> for #name #ty_generics #where_clause {
            const NEEDS_TRACE: #krate::__private::bool = #needs_trace;
            const THREAD_BOUND: #krate::__private::bool = #thread_bound;
            fn __checks_are_genuine(_: #krate::__private::Checks) {}
        }

        #casts
        #assume_nothing
    }
}

/// The type's number, if it is known by its name alone.
///
/// Numbers are of types without lifetimes, and what is allocated as `N<'gc>` must not be taken for an `N<'static>`. So only
/// a type whose one lifetime is the brand has a number: that of `for<'any> fn(N<'any>)`. All parameters must be `'static`, by
/// the declaration.
fn type_id(input: &DeriveInput, cx: &Context) -> Option<TokenStream> {
    if !is_known_by_name(&input.generics, &cx.brand) {
        return None;
    }
    let Context { krate, .. } = cx;
    let name = &input.ident;
    let arguments = input.generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => quote!('__any),
        GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
    });
    let any = input.generics.lifetimes().next().map(|_| quote!(for<'__any>));
    Some(quote! {
        fn __type_id() -> #krate::__private::Option<#krate::__private::TypeId> {
            #krate::__private::Option::Some(#krate::__private::Checks::type_id::<#any fn(#name<#(#arguments),*>)>())
        }
    })
}

/// Whether the type's only lifetime is the brand, and its parameters are `'static`.
fn is_known_by_name(generics: &Generics, brand: &Lifetime) -> bool {
    let is_static = |bounds: &Punctuated<TypeParamBound, Token![+]>| {
        bounds.iter().any(|bound| matches!(bound, TypeParamBound::Lifetime(lifetime) if lifetime.ident == "static"))
    };
    let by_clause = |parameter: &Ident| {
        generics.where_clause.iter().flat_map(|clause| &clause.predicates).any(|predicate| match predicate {
            WherePredicate::Type(predicate) => {
                matches!(&predicate.bounded_ty, Type::Path(ty) if ty.path.is_ident(parameter))
                    && is_static(&predicate.bounds)
            }
            _ => false,
        })
    };
    generics.params.iter().all(|parameter| match parameter {
        GenericParam::Lifetime(parameter) => parameter.lifetime == *brand,
        GenericParam::Type(parameter) => is_static(&parameter.bounds) || by_clause(&parameter.ident),
        GenericParam::Const(_) => true,
    })
}

/// What pointers to the type can be cast from and to.
fn casts(input: &DeriveInput, cx: &Context, generics: &Generics, prefix: Option<&Field<'_>>) -> TokenStream {
    let Context { brand, krate } = cx;
    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let downcast = is_known_by_name(&input.generics, brand).then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #krate::Downcast<#brand> for #name #ty_generics #where_clause {}
        }
    });
    let prefix = prefix.map(|Field { member, ty, .. }| {
        // SAFETY of the impl: the first field of a `repr(C)` struct. Whoever relies on it checks it.
        quote! {
            #[automatically_derived]
            unsafe impl #impl_generics #krate::HasPrefix<#brand> for #name #ty_generics #where_clause {
                type Prefix = #ty;
                unsafe fn project(this: *const Self) -> *const #ty {
                    unsafe { &raw const (*this).#member }
                }
            }
        }
    });
    let rebrand = rebrand(input, cx);
    quote!(#downcast #prefix #rebrand)
}

/// What the type is under another brand, if the derive can tell: if the brand is the only thing that its name depends on.
///
/// Nobody relies on it: an impl that tells another type is an error where it is used. A type that makes no sense under every
/// brand is refused here too.
fn rebrand(input: &DeriveInput, cx: &Context) -> Option<TokenStream> {
    let Context { brand, krate } = cx;
    let depends_on_brand_only = |parameter: &GenericParam| match parameter {
        GenericParam::Lifetime(parameter) => parameter.lifetime == *brand,
        GenericParam::Type(_) => false,
        GenericParam::Const(_) => true,
    };
    if input.generics.where_clause.is_some() || !input.generics.params.iter().all(depends_on_brand_only) {
        return None;
    }
    let name = &input.ident;
    let generics = impl_generics(&input.generics, brand);
    let (impl_generics, ..) = generics.split_for_impl();
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let arguments = input.generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => quote!('__any),
        GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
    });
    Some(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Rebrand<#brand> for #name #ty_generics {
            type With<'__any> = #name<#(#arguments),*>;
        }
    })
}

/// Code that compiles only if the conditions of the impl, as they are written down, suffice for the type to make sense.
///
/// Of a declaration like `struct S<'a, 'b>(&'a &'b ())` the compiler infers `'b: 'a`, and it takes that for granted in
/// every impl for `S<'a, 'b>`, without making it a condition of that impl. Whoever uses the impl must know it from
/// elsewhere. But of a root's type, which stands under `for<'gc>`, the compiler asks nothing except whether it is
/// `Trace` (rule 7 of the trait): what was inferred would be checked by nobody, and believed inside `mutate`.
///
/// Hence a function that stands alone, under the conditions of the impl and no others. Not a method, not a function
/// that takes the type as an argument or returns it: in those the compiler takes for granted what is to be checked.
fn assume_nothing(input: &DeriveInput, cx: &Context, generics: &Generics) -> TokenStream {
    let depends = |parameter: &GenericParam| !matches!(parameter, GenericParam::Const(_));
    if !input.generics.params.iter().any(depends) {
        return TokenStream::new();
    }
    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let this = quote!(#name #ty_generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let impl_generics = replace_self(impl_generics.into_token_stream(), &this);
    let where_clause = replace_self(where_clause.into_token_stream(), &this);
    let checks = cx.item(quote!(__private::Checks), shown_at(name));
    quote_spanned! {shown_at(name)=>
        fn __assumes_nothing #impl_generics () #where_clause {
            #checks::makes_sense::<#this>();
        }
    }
}

/// Writes a type's name where `code` says `Self`.
fn replace_self(code: TokenStream, this: &TokenStream) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(name) if name == "Self" => this.clone(),
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), replace_self(group.stream(), this));
            replaced.set_span(group.span());
            TokenTree::Group(replaced).into()
        }
        other => other.into(),
    };
    code.into_iter().flat_map(replace).collect()
}

/// Whether the declaration says `parameter: ?Sized`.
fn may_be_unsized(generics: &Generics, parameter: &Ident) -> bool {
    let relaxed = |bounds: &Punctuated<TypeParamBound, Token![+]>| {
        bounds.iter().any(|bound| {
            matches!(bound, TypeParamBound::Trait(bound) if matches!(bound.modifier, TraitBoundModifier::Maybe(_)))
        })
    };
    let declared = generics.type_params().find(|declared| declared.ident == *parameter);
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    declared.is_some_and(|declared| relaxed(&declared.bounds))
        || predicates.into_iter().any(|predicate| match predicate {
            WherePredicate::Type(predicate) => {
                matches!(&predicate.bounded_ty, Type::Path(ty) if ty.path.is_ident(parameter))
                    && relaxed(&predicate.bounds)
            }
            _ => false,
        })
}

/// Whether `bound` says `parameter: Trace<..>`, or `Content<..>`.
///
/// Every type parameter is demanded to be either `Trace` or `'static`, whatever else it is (rule 7 of the trait): the
/// compiler does not ask whether `X<&'static &'gc ()>` makes sense for every `'gc` when that is a root, and an impl
/// that accepts any parameter would let it pass. By its words the bound only chooses between the two; the derive writes
/// down itself what it chose, so that another trait called `Trace` does not help.
pub(crate) fn asks_for_trace(bound: &[WherePredicate], parameter: &Ident) -> bool {
    bound.iter().any(|predicate| match predicate {
        WherePredicate::Type(predicate) => {
            matches!(&predicate.bounded_ty, Type::Path(ty) if ty.path.is_ident(parameter))
                && predicate.bounds.iter().any(|bound| match bound {
                    TypeParamBound::Trait(bound) => bound
                        .path
                        .segments
                        .last()
                        .is_some_and(|segment| segment.ident == "Trace" || segment.ident == "Content"),
                    _ => false,
                })
        }
        _ => false,
    })
}

/// The impl for a type that is `require_static` as a whole.
fn implement_static(input: &DeriveInput, cx: &Context) -> TokenStream {
    let mut generics = impl_generics(&input.generics, &cx.brand);
    // Without parameters the predicate would be trivial, which is a warning; the assertion in `trace` remains.
    if input.generics.params.iter().any(|parameter| !matches!(parameter, GenericParam::Const(_))) {
        generics.make_where_clause().predicates.push(parse_quote!(Self: 'static));
    }
    let checks = cx.item(quote!(__private::Checks), Span::call_site());
    let members = Members {
        needs_trace: quote!(false),
        thread_bound: thread_bound_by_send(&parse_quote!(Self), cx),
        trace: quote!(#checks::require_static::<Self>(self)),
        relocate: TokenStream::new(),
        owned_bytes: quote!(0),
        name_edges: TokenStream::new(),
        vouched: TokenStream::new(),
    };
    // SAFETY of the impl: the type outlives `'static`, so it holds no branded pointer, and there is nothing to report.
    unsafe_impl(input, cx, &generics, &members, None)
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
fn refuse_drop(input: &DeriveInput, cx: &Context) -> TokenStream {
    let name = &input.ident;
    let no_drop = cx.item(quote!(__private::DropIsNotAllowedOnTracedTypes), shown_at(name));
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote_spanned! {shown_at(name)=>
        impl #impl_generics #no_drop for #name #ty_generics #where_clause {}
    }
}

/// Whether a value that is not asked is bound to its thread: unless the compiler can prove `Send` where the type is
/// declared. The trait that gives the answer otherwise must be in scope, and only there.
fn thread_bound_by_send(ty: &Type, cx: &Context) -> TokenStream {
    let span = shown_at(ty);
    let (checks, probe) = (cx.item(quote!(__private::Checks), span), cx.item(quote!(__private::SendProbe), span));
    let otherwise = cx.item(quote!(__private::NotKnownToBeSend), span);
    quote_spanned!(span=> {
        use #otherwise as _;
        #checks::is_thread_bound::<#ty>(<#probe<#ty>>::THREAD_BOUND)
    })
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
