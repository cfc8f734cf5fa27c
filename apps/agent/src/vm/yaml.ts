export type YamlValue =
  | string
  | number
  | boolean
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/**
 * Block YAML of plain data. Strings are always in double quotes with JSON's escapes, which are YAML's too: no name or
 * password can turn into anything else than itself. Keys are our own plain words, or quoted likewise.
 */
export function toYaml(value: { readonly [key: string]: YamlValue }): string {
  return `${lines(value).join("\n")}\n`;
}

function lines(value: YamlValue): string[] {
  if (Array.isArray(value)) {
    return (value as readonly YamlValue[]).flatMap((item) => {
      const [first = "", ...rest] = isNested(item) ? lines(item) : [scalar(item)];
      return [`- ${first}`, ...rest.map((line) => `  ${line}`)];
    });
  }
  if (typeof value !== "object") return [scalar(value)];
  return Object.entries(value).flatMap(([key, item]) =>
    isNested(item)
      ? [`${keyOf(key)}:`, ...lines(item).map((line) => `  ${line}`)]
      : [`${keyOf(key)}: ${scalar(item)}`],
  );
}

function isNested(value: YamlValue): boolean {
  return typeof value === "object" && Object.keys(value).length > 0;
}

function keyOf(key: string): string {
  return /^[a-z][\w-]*$/i.test(key) ? key : scalar(key);
}

/** Empty lists and maps are written as such. */
function scalar(value: YamlValue): string {
  return JSON.stringify(value);
}
