//! The expansion as syntax. Whether it compiles and traces correctly is for heap-core's tests to show.

use super::derive_trace;
use quote::{ToTokens, quote};
use syn::{DeriveInput, File, ImplItem, Item, ItemImpl, parse_quote};

/// The `Trace` impl in the expansion, which must parse as a whole, together with the members of the impl of `Facts`: both
/// have the same conditions.
fn expand(input: &DeriveInput) -> ItemImpl {
    let impls = items(input).into_iter().filter_map(|item| match item {
        Item::Impl(item) if item.unsafety.is_some() => Some(item),
        _ => None,
    });
    let Ok([mut trace, facts]) = <[ItemImpl; 2]>::try_from(impls.collect::<Vec<_>>()) else {
        panic!("two unsafe impls")
    };
    assert_eq!(header(&trace).replacen("::Trace<", "::Facts<", 1), header(&facts));
    trace.items.extend(facts.items);
    trace
}

fn items(input: &DeriveInput) -> Vec<Item> {
    let tokens = derive_trace(input).expect("the type is accepted");
    let file: File = syn::parse2(tokens).expect("the expansion parses");
    let [Item::Const(constant)] = &file.items[..] else { panic!("the expansion is one constant") };
    let syn::Expr::Block(body) = &*constant.expr else { panic!("the constant is a block") };
    let item = |statement: &syn::Stmt| match statement {
        syn::Stmt::Item(item) => item.clone(),
        _ => panic!("the block holds items only"),
    };
    body.block.stmts.iter().map(item).collect()
}

fn error(input: &DeriveInput) -> String {
    derive_trace(input).expect_err("the type is refused").to_string()
}

/// `impl<..> Trace<..> for X<..> where ..`, as text.
fn header(item: &ItemImpl) -> String {
    let (impl_generics, _, where_clause) = item.generics.split_for_impl();
    let (_, path, _) = item.trait_.as_ref().expect("a trait impl");
    let ty = &item.self_ty;
    text(quote!(impl #impl_generics #path for #ty #where_clause))
}

fn member(item: &ItemImpl, name: &str) -> String {
    let found = item.items.iter().find_map(|member| match member {
        ImplItem::Const(constant) if constant.ident == name => Some(constant.expr.to_token_stream()),
        ImplItem::Fn(function) if function.sig.ident == name => {
            let statements = &function.block.stmts;
            Some(quote!(#(#statements)*))
        }
        _ => None,
    });
    text(found.unwrap_or_else(|| panic!("the impl has no {name}")))
}

/// The tokens without white space, which the printer puts between the two halves of some `>>` and not of others.
fn text(tokens: impl ToTokens) -> String {
    tokens.into_token_stream().to_string().replace(' ', "")
}

#[test]
fn visits_the_fields_in_order() {
    let item = expand(&parse_quote! {
        struct Node<'gc> { r#type: A, next: Gc<'gc, u8> }
    });
    assert_eq!(header(&item), text(quote!(impl<'gc> ::heap_core::Trace<'gc> for Node<'gc>)));
    assert_eq!(
        member(&item, "NEEDS_TRACE"),
        text(quote! {
            false || {
                use ::heap_core::__private::NotTraced as _;
                ::heap_core::__private::Checks::needs_trace::<A>(<::heap_core::__private::FactsProbe<'gc, A>>::NEEDS_TRACE)
            } || {
                use ::heap_core::__private::NotTraced as _;
                ::heap_core::__private::Checks::needs_trace::<Gc<'gc, u8>>(
                    <::heap_core::__private::FactsProbe<'gc, Gc<'gc, u8>>>::NEEDS_TRACE
                )
            }
        })
    );
    for field in [quote!(A), quote!(Gc<'gc, u8>)] {
        assert!(member(&item, "THREAD_BOUND").contains(&text(quote! {
            ::heap_core::__private::Checks::is_thread_bound::<#field>(
                <::heap_core::__private::FactsProbe<'gc, #field>>::THREAD_BOUND
            )
        })));
    }
    assert_eq!(
        member(&item, "trace"),
        text(quote! {
            match self {
                Self { r#type: __field_0, next: __field_1, } => {
                    ::heap_core::__private::Checks::is_exactly(__field_0, ::heap_core::__private::Checks::the_type::<A>());
                    <A as ::heap_core::Trace<'gc>>::trace(__field_0, __tracer);
                    ::heap_core::__private::Checks::is_exactly(__field_1, ::heap_core::__private::Checks::the_type::<Gc<'gc, u8>>());
                    <Gc<'gc, u8> as ::heap_core::Trace<'gc>>::trace(__field_1, __tracer);
                }
            }
        })
    );
    assert_eq!(
        member(&item, "relocate"),
        text(quote! {
            match self {
                Self { r#type: __field_0, next: __field_1, } => {
                    <A as ::heap_core::Trace<'gc>>::relocate(__field_0, __relocator);
                    <Gc<'gc, u8> as ::heap_core::Trace<'gc>>::relocate(__field_1, __relocator);
                }
            }
        })
    );
    assert_eq!(
        member(&item, "owned_bytes"),
        text(quote! {
            match self {
                Self { r#type: __field_0, next: __field_1, } => {
                    0 + <A as ::heap_core::Trace<'gc>>::owned_bytes(__field_0)
                        + <Gc<'gc, u8> as ::heap_core::Trace<'gc>>::owned_bytes(__field_1)
                }
            }
        })
    );
}

#[test]
fn visits_every_variant() {
    let item = expand(&parse_quote! {
        enum Shape { Nothing, Pair(A, B), Named { a: A } }
    });
    assert_eq!(
        member(&item, "trace"),
        text(quote! {
            match self {
                Self::Nothing { } => {}
                Self::Pair { 0: __field_0, 1: __field_1, } => {
                    ::heap_core::__private::Checks::is_exactly(__field_0, ::heap_core::__private::Checks::the_type::<A>());
                    <A as ::heap_core::Trace<'gc>>::trace(__field_0, __tracer);
                    ::heap_core::__private::Checks::is_exactly(__field_1, ::heap_core::__private::Checks::the_type::<B>());
                    <B as ::heap_core::Trace<'gc>>::trace(__field_1, __tracer);
                }
                Self::Named { a: __field_0, } => {
                    ::heap_core::__private::Checks::is_exactly(__field_0, ::heap_core::__private::Checks::the_type::<A>());
                    <A as ::heap_core::Trace<'gc>>::trace(__field_0, __tracer);
                }
            }
        })
    );
}

#[test]
fn types_without_fields_hold_nothing() {
    let item = expand(&parse_quote!(
        struct Unit;
    ));
    assert_eq!(member(&item, "NEEDS_TRACE"), "false");
    assert_eq!(member(&item, "THREAD_BOUND"), "false");
    assert_eq!(
        member(&item, "trace"),
        text(quote!(match self {
            Self {} => {}
        }))
    );
    let item = expand(&parse_quote!(
        enum Never {}
    ));
    assert_eq!(member(&item, "trace"), text(quote!(match *self {})));
}

#[test]
fn the_only_lifetime_is_the_brand() {
    let item = expand(&parse_quote!(
        struct X<'heap>(A<'heap>);
    ));
    assert_eq!(header(&item), text(quote!(impl<'heap> ::heap_core::Trace<'heap> for X<'heap>)));
}

#[test]
fn a_missing_brand_is_introduced() {
    let item = expand(&parse_quote!(
        struct X(A);
    ));
    assert_eq!(header(&item), text(quote!(impl<'gc> ::heap_core::Trace<'gc> for X)));
    let item = expand(&parse_quote!(
        struct X(for<'gc> fn(&'gc u8));
    ));
    assert_eq!(header(&item), text(quote!(impl<'__gc> ::heap_core::Trace<'__gc> for X)));
}

#[test]
fn several_lifetimes_need_a_choice() {
    let message = error(&parse_quote!(
        struct X<'a, 'b>(A<'a, 'b>);
    ));
    assert!(message.contains("several lifetime parameters"), "{message}");
    assert!(message.contains("#[trace(gc_lifetime = 'gc)]"), "{message}");

    let item = expand(&parse_quote! {
        #[trace(gc_lifetime = 'b)]
        struct X<'a, 'b>(A<'a, 'b>);
    });
    assert_eq!(header(&item), text(quote!(impl<'a, 'b> ::heap_core::Trace<'b> for X<'a, 'b>)));

    let message = error(&parse_quote! {
        #[trace(gc_lifetime = 'c)]
        struct X<'a, 'b>(A<'a, 'b>);
    });
    assert!(message.contains("`'c` is none"), "{message}");
}

#[test]
fn type_parameters_are_bound() {
    let item = expand(&parse_quote! {
        struct X<'gc, T: ?Sized + 'gc = u8, const N: usize = 1> where [u8; N]: Copy { a: [u8; N], b: Gc<'gc, T> }
    });
    assert_eq!(
        header(&item),
        text(quote! {
            impl<'gc, T: ?Sized + 'gc, const N: usize> ::heap_core::Trace<'gc> for X<'gc, T, N>
            where [u8; N]: Copy, T: ::heap_core::Content<'gc> + 'gc
        })
    );
    let item = expand(&parse_quote! {
        struct X<'gc, T, U>(Gc<'gc, T>, Gc<'gc, U>) where U: ?Sized;
    });
    assert!(header(&item).ends_with(&text(quote! {
        where U: ?Sized, T: ::heap_core::Trace<'gc> + 'gc, U: ::heap_core::Content<'gc> + 'gc
    })));
}

#[test]
fn bounds_can_be_replaced() {
    let item = expand(&parse_quote! {
        #[trace(bound = "U: Trace<'gc>")]
        struct X<T, U>(PhantomData<T>, U) where T: Copy;
    });
    assert_eq!(
        header(&item),
        text(quote! {
            impl<'gc, T, U> ::heap_core::Trace<'gc> for X<T, U>
            where T: Copy, U: Trace<'gc>, T: 'static, U: ::heap_core::Trace<'gc> + 'gc
        })
    );
    let item = expand(&parse_quote! {
        #[trace(bound = "")]
        struct X<T>(PhantomData<T>);
    });
    assert_eq!(header(&item), text(quote!(impl<'gc, T> ::heap_core::Trace<'gc> for X<T> where T: 'static)));
    let item = expand(&parse_quote! {
        #[trace(bound = "Vec<T>: Trace<'gc>, T: Other")]
        struct X<T>(Vec<T>);
    });
    assert!(header(&item).ends_with(&text(quote!(where Vec<T>: Trace<'gc>, T: Other, T: 'static))));
}

#[test]
fn static_fields_are_checked_and_not_traced() {
    let item = expand(&parse_quote! {
        struct X<'gc, T> { #[trace(require_static)] kept: Vec<T>, next: Gc<'gc, u8> }
    });
    assert_eq!(
        header(&item),
        text(quote! {
            impl<'gc, T> ::heap_core::Trace<'gc> for X<'gc, T>
            where T: ::heap_core::Trace<'gc> + 'gc, Vec<T>: 'static
        })
    );
    let needs_trace = member(&item, "NEEDS_TRACE");
    assert_eq!(needs_trace.matches("FactsProbe").count(), 1, "{needs_trace}");
    assert!(needs_trace.contains("FactsProbe<'gc,Gc<'gc,u8>>"), "{needs_trace}");
    assert!(
        member(&item, "THREAD_BOUND")
            .contains(&text(quote!(<::heap_core::__private::SendProbe<Vec<T>>>::THREAD_BOUND)))
    );
    assert!(member(&item, "trace").contains(&text(quote!(Checks::require_static::<Vec<T>>(__field_0);))));
    assert!(!member(&item, "relocate").contains("__field_0"));
    assert!(!member(&item, "owned_bytes").contains("__field_0"));
}

#[test]
fn a_branded_static_field_is_no_condition_but_an_error() {
    let item = expand(&parse_quote! {
        struct X<'gc>(#[trace(require_static)] Gc<'gc, u8>, #[trace(require_static)] Option<Box<Self>>);
    });
    assert_eq!(header(&item), text(quote!(impl<'gc> ::heap_core::Trace<'gc> for X<'gc>)));
    assert!(member(&item, "trace").contains(&text(quote!(Checks::require_static::<Gc<'gc, u8>>(__field_0);))));
}

#[test]
fn static_types_ask_nothing_of_their_fields() {
    let item = expand(&parse_quote! {
        #[trace(require_static)]
        struct X<'a, 'gc, T>(&'a T, Opaque<'gc>);
    });
    assert_eq!(
        header(&item),
        text(quote!(impl<'__gc, 'a, 'gc, T> ::heap_core::Trace<'__gc> for X<'a, 'gc, T> where Self: 'static))
    );
    assert_eq!(member(&item, "NEEDS_TRACE"), "false");
    assert!(
        member(&item, "THREAD_BOUND").contains(&text(quote!(<::heap_core::__private::SendProbe<Self>>::THREAD_BOUND)))
    );
    assert_eq!(member(&item, "trace"), text(quote!(::heap_core::__private::Checks::require_static::<Self>(self))));

    let item = expand(&parse_quote! {
        #[trace(require_static)]
        struct X;
    });
    assert_eq!(header(&item), text(quote!(impl<'gc> ::heap_core::Trace<'gc> for X)));
}

#[test]
fn recursive_fields_are_traced_but_not_asked() {
    for input in [
        parse_quote!(
            struct Tree(Vec<Tree>);
        ),
        parse_quote!(
            struct Tree(#[trace(recursive)] Forest);
        ),
    ] {
        let item = expand(&input);
        assert_eq!(member(&item, "NEEDS_TRACE"), "false||true");
        assert!(member(&item, "THREAD_BOUND").contains("SendProbe"));
        assert!(member(&item, "trace").contains("::descend::<"));
        assert!(member(&item, "relocate").contains("::descend::<"));
        assert!(member(&item, "owned_bytes").contains("::owned_bytes::<"));
    }
}

#[test]
fn drop_is_refused_for_every_instance() {
    let items = items(&parse_quote!(
        struct X<'gc, T: Copy = u8>(Gc<'gc, T>)
        where
            T: Send;
    ));
    let refusal: Item = parse_quote!(
        impl<'gc, T: Copy> ::heap_core::__private::DropIsNotAllowedOnTracedTypes for X<'gc, T> where T: Send {}
    );
    assert!(items.iter().any(|item| text(item) == text(&refusal)));
    let static_type: DeriveInput = parse_quote!(
        #[trace(require_static)]
        struct X;
    );
    assert!(text(derive_trace(&static_type).unwrap()).contains("DropIsNotAllowedOnTracedTypesforX"));
}

#[test]
fn what_the_impl_assumes_is_checked_outside_of_it() {
    let check = |input: DeriveInput| {
        items(&input).into_iter().find_map(|item| match item {
            Item::Fn(item) => Some(text(item)),
            _ => None,
        })
    };
    assert_eq!(
        check(parse_quote! {
            #[trace(gc_lifetime = 'gc)]
            struct X<'gc, 'x, T: Like<Self> = u8, const N: usize = 1>(A<'x, Gc<'gc, T>>) where [Self; N]: Copy;
        }),
        Some(text(quote! {
            fn __assumes_nothing<'gc, 'x, T: Like<X<'gc, 'x, T, N> >, const N: usize>()
            where [X<'gc, 'x, T, N>; N]: Copy, T: ::heap_core::Trace<'gc> + 'gc
            {
                ::heap_core::__private::Checks::makes_sense::<X<'gc, 'x, T, N> >();
            }
        }))
    );
    assert_eq!(
        check(parse_quote! {
            #[trace(require_static)]
            struct X<'x>(A<'x>);
        }),
        Some(text(quote! {
            fn __assumes_nothing<'gc, 'x>() where X<'x>: 'static {
                ::heap_core::__private::Checks::makes_sense::<X<'x> >();
            }
        }))
    );
    assert_eq!(
        check(parse_quote!(
            struct X<const N: usize>([u8; N]);
        )),
        None,
        "nothing can be inferred"
    );
}

#[test]
fn the_crate_can_be_called_otherwise() {
    let expansion = |input: DeriveInput| text(derive_trace(&input).expect("the type is accepted"));
    let named = expansion(parse_quote! {
        #[trace(crate = ::gc, gc_lifetime = 'gc)]
        struct X<'gc, T>(Gc<'gc, T>, Option<Box<Self>>, #[trace(require_static)] Foreign);
    });
    assert!(!named.contains("heap_core") && !named.contains("core::"), "{named}");
    let static_type = expansion(parse_quote! {
        #[trace(require_static, crate = crate::gc)]
        struct X<T>(T);
    });
    assert!(static_type.contains("crate::gc::Trace") && !static_type.contains("core"), "{static_type}");
}

#[test]
fn unions_are_refused() {
    assert!(error(&parse_quote!(union X { a: u8 })).contains("cannot be derived for a union"));
}

#[test]
fn packed_types_are_refused() {
    assert!(
        error(&parse_quote!(
            #[repr(C, packed(2))]
            struct X(u8);
        ))
        .contains("`repr(packed)`")
    );
    assert!(
        derive_trace(&parse_quote!(
            #[repr(C, align(8))]
            struct X(u8);
        ))
        .is_ok()
    );
}

#[test]
fn misplaced_options_are_refused() {
    assert!(
        error(&parse_quote!(
            enum X {
                #[trace(recursive)]
                A,
            }
        ))
        .contains("not to a variant")
    );
    let message = error(&parse_quote! {
        #[trace(require_static)]
        struct X(#[trace(require_static)] u8);
    });
    assert!(message.contains("the whole type is `require_static`"), "{message}");
}

#[test]
fn all_faulty_fields_are_reported() {
    let input = parse_quote!(
        struct X(#[trace(foo)] u8, #[trace(bar)] u8);
    );
    let errors = derive_trace(&input).expect_err("both options are unknown");
    let messages: Vec<String> = errors.into_iter().map(|error| error.to_string()).collect();
    assert!(messages[0].starts_with("unknown option `foo`") && messages[1].starts_with("unknown option `bar`"));
}

#[test]
fn types_whose_name_depends_on_the_brand_only_are_known_under_every_brand() {
    let known = |input: DeriveInput| {
        let text = derive_trace(&input).expect("the type is accepted").to_string().replace(' ', "");
        text.split("::heap_core::Rebrand<").nth(1).map(str::to_owned)
    };
    let node = known(parse_quote!(
        struct Node<'gc>(Gc<'gc, u8>);
    ))
    .expect("known");
    assert!(node.starts_with("'gc>forNode<'gc>{typeWith<'__any>=Node<'__any>;}"), "{node}");
    let plain = known(parse_quote!(
        struct Plain;
    ))
    .expect("known");
    assert!(plain.starts_with("'gc>forPlain{typeWith<'__any>=Plain<>;}"), "{plain}");
    for unknown in [
        parse_quote!(
            struct Tree<'gc, T>(Gc<'gc, T>);
        ),
        parse_quote!(
            #[trace(gc_lifetime = 'gc)]
            struct Both<'gc, 'a>(Gc<'gc, Part<'a>>);
        ),
        parse_quote!(
            struct Odd<'gc>(Gc<'gc, u8>)
            where
                'gc: 'static;
        ),
    ] {
        assert_eq!(known(unknown), None);
    }
}
