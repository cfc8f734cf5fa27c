import { AppError } from "@sinter/kit";
import { LIMITS } from "@sinter/rules";

export interface Page {
  /** Undefined: all. */
  readonly limit: number | undefined;
  readonly offset: number;
}

/** Query parameters as clients send them: empty means absent, booleans in any case, repeated ones are lists. */
export class Query {
  readonly #values: Readonly<Record<string, string | string[] | undefined>>;

  constructor(values: Readonly<Record<string, string | string[] | undefined>>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined || first === "" ? undefined : first;
  }

  list(name: string): string[] {
    const value = this.#values[name];
    return (Array.isArray(value) ? value : value === undefined ? [] : [value]).filter((item) => item !== "");
  }

  /** Anything but true and false counts as absent. */
  boolean(name: string): boolean | undefined {
    const text = this.text(name)?.trim().toLowerCase();
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    return undefined;
  }

  integer(name: string): number | undefined {
    const text = this.text(name);
    return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /** Epoch seconds, epoch milliseconds or `yyyy-MM-dd HH:mm:ss` UTC; anything else counts as absent. */
  time(name: string): Date | undefined {
    const text = this.text(name)?.trim() ?? "";
    if (/^\d{1,10}$/.test(text)) return new Date(Number(text) * 1000);
    if (/^\d{11,15}$/.test(text)) return new Date(Number(text));
    if (!/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d$/.test(text)) return undefined;
    const date = new Date(`${text.replace(" ", "T")}Z`);
    return Number.isNaN(date.getTime()) ? undefined : date;
  }

  /**
   * `limit` 1 to 100, larger ones cut to 100; `limit=0` is no limit and then `offset` does not count either, since a
   * client sends `limit=0&offset=1` and expects the first. Neither given: `whenAbsent`.
   */
  page(whenAbsent?: number): Page {
    const limit = this.#counting("limit", "LIMIT_INVALID");
    const offset = this.#counting("offset", "OFFSET_INVALID");
    if (limit === 0) return { limit: undefined, offset: 0 };
    if (limit === undefined && offset === undefined) return { limit: whenAbsent, offset: 0 };
    return { limit: Math.min(limit ?? LIMITS.pageSize, LIMITS.pageSize), offset: offset ?? 0 };
  }

  #counting(name: string, code: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^\d{1,9}$/.test(text.trim())) {
      throw new AppError(
        "invalid",
        code,
        `The parameter ${name} must be a whole number from 0, not "${text}".`,
      );
    }
    return Number(text);
  }
}

/** Cuts a list that is in memory as a whole. */
export function paged<T>(items: readonly T[], page: Page): T[] {
  return items.slice(page.offset, page.limit === undefined ? undefined : page.offset + page.limit);
}
