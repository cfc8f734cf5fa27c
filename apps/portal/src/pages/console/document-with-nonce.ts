/**
 * The document as xterm is to see it: style elements made through it carry the page's nonce, without which the
 * content security policy keeps them from working. xterm takes the document to use as an option; nobody else's
 * `createElement` changes.
 */
export function documentWithNonce(): Document {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
  const createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = document.createElement(name, options);
    if (name.toLowerCase() === "style") element.nonce = nonce;
    return element;
  };
  return new Proxy(document, {
    get(target, key) {
      if (key === "createElement") return createElement;
      const value: unknown = Reflect.get(target, key, target);
      // Methods of the document work on the document itself only.
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}
