/*
 * Keys by what they write in each layout. Typing sends physical keys, since that is what a guest gets: which letter
 * comes out is decided by the layout that the guest is set to.
 */

/** Physical keys in the order of the rows below. */
export const CODES = [
  "Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal",
  "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Backslash",
  "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote",
  "IntlBackslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash",
]
  .join(" ")
  .split(" ");

export interface Layout {
  readonly name: string;
  /** By rows of the keyboard, one character per key of CODES; a blank where there is none. */
  readonly plain: readonly string[];
  readonly shift: readonly string[];
  /** With the right Alt key: pairs of code and character. */
  readonly altGr: Readonly<Record<string, string>>;
  /** Characters whose keys wait for a letter to put an accent on. */
  readonly dead: string;
}

const none = { altGr: {}, dead: "" } as const;

export const LAYOUTS = {
  "en-us": {
    name: "English (US)",
    plain: ["`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", " zxcvbnm,./"],
    shift: ["~!@#$%^&*()_+", "QWERTYUIOP{}|", 'ASDFGHJKL:"', " ZXCVBNM<>?"],
    ...none,
  },
  "en-gb": {
    name: "English (UK)",
    plain: ["`1234567890-=", "qwertyuiop[]#", "asdfghjkl;'", "\\zxcvbnm,./"],
    shift: ['¬!"£$%^&*()_+', "QWERTYUIOP{}~", "ASDFGHJKL:@", "|ZXCVBNM<>?"],
    altGr: { Digit4: "€" },
    dead: "",
  },
  de: {
    name: "Deutsch",
    plain: ["^1234567890ß´", "qwertzuiopü+#", "asdfghjklöä", "<yxcvbnm,.-"],
    shift: ['°!"§$%&/()=?`', "QWERTZUIOPÜ*'", "ASDFGHJKLÖÄ", ">YXCVBNM;:_"],
    altGr: {
      Digit2: "²",
      Digit3: "³",
      Digit7: "{",
      Digit8: "[",
      Digit9: "]",
      Digit0: "}",
      Minus: "\\",
      KeyQ: "@",
      KeyE: "€",
      BracketRight: "~",
      IntlBackslash: "|",
      KeyM: "µ",
    },
    dead: "^´`",
  },
  fr: {
    name: "Français",
    plain: ["²&é\"'(-è_çà)=", "azertyuiop^$*", "qsdfghjklmù", "<wxcvbn,;:!"],
    shift: [" 1234567890°+", "AZERTYUIOP¨£µ", "QSDFGHJKLM%", ">WXCVBN?./§"],
    altGr: {
      Digit2: "~",
      Digit3: "#",
      Digit4: "{",
      Digit5: "[",
      Digit6: "|",
      Digit7: "`",
      Digit8: "\\",
      Digit0: "@",
      Minus: "]",
      Equal: "}",
      KeyE: "€",
    },
    dead: "^¨",
  },
  es: {
    name: "Español",
    plain: ["º1234567890'¡", "qwertyuiop`+ç", "asdfghjklñ´", "<zxcvbnm,.-"],
    shift: ['ª!"·$%&/()=?¿', "QWERTYUIOP^*Ç", "ASDFGHJKLÑ¨", ">ZXCVBNM;:_"],
    altGr: {
      Backquote: "\\",
      Digit1: "|",
      Digit2: "@",
      Digit3: "#",
      Digit4: "~",
      Digit6: "¬",
      KeyE: "€",
      BracketLeft: "[",
      BracketRight: "]",
      Backslash: "}",
      Quote: "{",
    },
    dead: "`´^¨",
  },
  it: {
    name: "Italiano",
    plain: ["\\1234567890'ì", "qwertyuiopè+ù", "asdfghjklòà", "<zxcvbnm,.-"],
    shift: ['|!"£$%&/()=?^', "QWERTYUIOPé*§", "ASDFGHJKLç°", ">ZXCVBNM;:_"],
    altGr: {
      Digit7: "{",
      Digit0: "}",
      Minus: "`",
      Equal: "~",
      KeyE: "€",
      BracketLeft: "[",
      BracketRight: "]",
      Semicolon: "@",
      Quote: "#",
    },
    dead: "",
  },
} as const satisfies Record<string, Layout>;
export type LayoutName = keyof typeof LAYOUTS;
export const LAYOUT_NAMES = Object.keys(LAYOUTS) as LayoutName[];
