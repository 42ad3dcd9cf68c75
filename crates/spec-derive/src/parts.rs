//! `derive(Block)` and `derive(Choice)`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

use crate::attributes::ArgAttr;
use crate::fields::{Part, with_static_lifetimes};

pub(crate) fn expand_block(input: &DeriveInput) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(ident, "a block is a struct"));
    };
    let parts: Vec<Part> =
        data.fields.iter().enumerate().map(|(i, f)| Part::read(f, i)).collect::<syn::Result<_>>()?;
    let shapes: Vec<TokenStream> = parts.iter().map(Part::shape).collect();
    let args = parts.iter().map(|p| p.arg(None));
    let reads = parts.iter().map(Part::read_positional);
    let filled = parts.iter().map(Part::filled);
    let generics = input.generics.lifetimes().next().map(|_| quote!(<'a>));
    let shape = with_static_lifetimes(quote!(::spinel_family::spec::Shape {
        kind: ::spinel_family::spec::ArgKind::Block,
        min_words: 0 #(+ #shapes.min_words)*,
        optional: false,
        multiple: false,
        children: &[#(#args),*],
        find: ::spinel_family::spec::Find::Unknown,
        spread: false,
    }));
    Ok(quote!(
        #[automatically_derived]
        impl<'a> ::spinel_family::Field<'a> for #ident #generics {
            const SHAPE: ::spinel_family::spec::Shape = #shape;
            fn parse(__words: &mut ::spinel_family::Words<'a>)
                -> ::core::result::Result<Self, ::spinel_family::CommandError>
            {
                #(#reads)*
                Ok(Self { #(#filled),* })
            }
        }
    ))
}

/// The shape of what follows a choice's token.
fn variant_shape(parts: &[Part]) -> TokenStream {
    match parts {
        [] => quote!(::spinel_family::spec::Shape::word(::spinel_family::spec::ArgKind::PureToken)),
        [one] => one.shape(),
        many => {
            let args = many.iter().map(|p| p.arg(None));
            quote!(::spinel_family::spec::Shape {
                children: &[#(#args),*],
                ..::spinel_family::spec::Shape::word(::spinel_family::spec::ArgKind::Block)
            })
        }
    }
}

pub(crate) fn expand_choice(input: &DeriveInput) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(ident, "a choice is an enum"));
    };
    let mut children = Vec::new();
    let mut tries = Vec::new();
    for variant in &data.variants {
        let attr = ArgAttr::read(&variant.attrs)?;
        let Some(token) = attr.token.clone() else {
            return Err(syn::Error::new_spanned(variant, "a choice needs #[arg(token = \"...\")]"));
        };
        let name = attr.name.clone().unwrap_or_else(|| variant.ident.to_string().to_lowercase());
        let since = &attr.since;
        let variant_ident = &variant.ident;
        let parts: Vec<Part> =
            variant.fields.iter().enumerate().map(|(i, f)| Part::read(f, i)).collect::<syn::Result<_>>()?;
        let shape = variant_shape(&parts);
        let kind = attr.kind.as_ref().map(|kind| quote!(spec.kind = ::spinel_family::spec::ArgKind::#kind;));
        children.push(quote!({
            let mut spec = #shape.arg(#name, #token);
            spec.since = #since;
            #kind
            spec
        }));
        let reads = parts.iter().map(Part::read_positional);
        let build = match &variant.fields {
            Fields::Unit => quote!(Self::#variant_ident),
            Fields::Unnamed(_) => {
                let locals = parts.iter().map(Part::local);
                quote!(Self::#variant_ident(#(#locals),*))
            }
            Fields::Named(_) => {
                let filled = parts.iter().map(Part::filled);
                quote!(Self::#variant_ident { #(#filled),* })
            }
        };
        tries.push(quote!(if ::spinel_family::is_token(__word, #token) {
            __words.skip_one();
            #(#reads)*
            return Ok(Some(#build));
        }));
    }
    let generics = input.generics.lifetimes().next().map(|_| quote!(<'a>));
    let children = with_static_lifetimes(quote!(&[#(#children),*]));
    Ok(quote!(
        #[automatically_derived]
        impl<'a> ::spinel_family::Choice<'a> for #ident #generics {
            const SHAPE: ::spinel_family::spec::Shape = ::spinel_family::spec::Shape {
                children: #children,
                ..::spinel_family::spec::Shape::word(::spinel_family::spec::ArgKind::OneOf)
            };
            fn take(__word: &'a [u8], __words: &mut ::spinel_family::Words<'a>)
                -> ::core::result::Result<Option<Self>, ::spinel_family::CommandError>
            {
                #(#tries)*
                Ok(None)
            }
        }
    ))
}
