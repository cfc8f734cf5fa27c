/**
 * Error codes of the contract that this product sends: number, HTTP status and our text. Clients act upon some of
 * the numbers, so they are fixed; the texts are for people. Status 400 is for what the request or an object's state
 * caused, 500 for failures behind us, because some clients repeat calls that answer 5xx.
 */
export interface WireError {
  readonly code: string;
  readonly http: 400 | 401 | 403 | 404 | 500 | 503;
}

export const COMMON_ERRORS = {
  formatInvalid: { code: "10000001", http: 400 },
  notLoggedIn: { code: "10000002", http: 401 },
  noPermission: { code: "10000003", http: 403 },
  recovering: { code: "10000005", http: 503 },
  systemBusy: { code: "10000006", http: 503 },
  objectMissing: { code: "10000008", http: 400 },
  objectConflict: { code: "10000009", http: 400 },
  operationFailed: { code: "10000010", http: 500 },
  nameInvalid: { code: "10000012", http: 400 },
  limitInvalid: { code: "10000013", http: 400 },
  offsetInvalid: { code: "10000016", http: 400 },
  descriptionInvalid: { code: "10000018", http: 400 },
  siteUnknown: { code: "10200258", http: 400 },
  pathUnknown: { code: "10000008", http: 404 },
} as const satisfies Record<string, WireError>;
