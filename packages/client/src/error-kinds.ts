import type { ErrorKind } from "@sinter/kit/errors";

/**
 * What a caller can do about a code of the contract. It sends most of them with status 400, because some clients drop
 * the body of a 404 and repeat a 500, so that the status alone does not tell. Codes not listed are of a wrong value.
 */
export const CODES_BY_KIND = {
  unauthenticated: `
    10000002 10100103 10100108 10100109 10100112 10100113 10100116 10100117 10100118 10100353 10100354
  `,
  forbidden: "10000003",
  notFound: `
    10000008 10000020 10100306 10100307 10100502 10200116 10200120 10200258 10300001 10300011 10300027
    10300028 10300078 10300109 10300341 10300621 10410006 10410013 10420004 10430010 10430051 10500001
    10512003 10540010 10540107 10540108 10800110
  `,
  conflict: `
    10000009 10100305 10100312 10100314 10100501 10100503 10200104 10200108 10200122 10200124 10200125
    10200133 10200155 10200156 10200157 10200302 10200304 10200305 10200308 10200315 10300015 10300021
    10300026 10300029 10300030 10300033 10300034 10300037 10300045 10300057 10300065 10300074 10300076 10300091
    10300092
    10300093 10300094 10300097 10300098 10300101 10300112 10300114 10300128 10300162 10300165 10300318
    10300320 10300415 10300421 10300451 10300470 10300474 10410017 10410022 10410024 10410025 10410052
    10410071 10410154 10420005 10420009 10420124 10420138 10420141 10540021 10540022 10540041 10540109
    10540137 10540139 10800001 10800002 10800003 10800004 10800109 10800119 10800122
  `,
  exhausted: `
    10300016 10300020 10300031 10300047 10300083 10300084 10300111 10300137 10410003 10420037 10540039
    10800125 10800126 10800127 10800128 10800129 10800130 10800131
  `,
  unavailable: "10000005 10000006 10000007 10200159 10200300 10420016",
  cancelled: "10800006",
} as const satisfies Partial<Record<ErrorKind, string>>;

const KIND_OF = new Map(
  Object.entries(CODES_BY_KIND).flatMap(([kind, codes]) =>
    // The keys of a literal are its kinds, which Object.entries forgets.
    codes
      .trim()
      .split(/\s+/)
      .map((code) => [code, kind as keyof typeof CODES_BY_KIND] as const),
  ),
);

export function kindOf(status: number, errorCode: string): ErrorKind {
  const known = KIND_OF.get(errorCode);
  // A path that is not there carries the code of a missing object; a session that is not there any code.
  if (status === 401) return "unauthenticated";
  if (status === 403) return "forbidden";
  if (known !== undefined) return known;
  if (status === 404) return "notFound";
  if (status === 502 || status === 503 || status === 504) return "unavailable";
  return status >= 500 ? "internal" : "invalid";
}
