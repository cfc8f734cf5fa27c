/** The same keys, any texts: a language that lacks a key, or has one too many, does not compile. */
export type Same<T> = { readonly [K in keyof T]: T[K] extends string ? string : Same<T[K]> };
