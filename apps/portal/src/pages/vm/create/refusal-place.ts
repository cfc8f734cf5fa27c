/** Steps of the wizard, in order. */
export const STEPS = ["place", "os", "size", "disks", "nics", "guest", "summary"] as const;
export type Step = (typeof STEPS)[number];

export interface RefusalPlace {
  readonly step: Step;
  /** Absent: it is about the step as a whole, or about one of several rows that the code does not tell. */
  readonly field?:
    | "name"
    | "description"
    | "location"
    | "cpus"
    | "coresPerSocket"
    | "memoryMiB"
    | "osVersion"
    | "hostname"
    | "password";
}

/** Where in the wizard a refusal of the manager belongs, by the contract's codes. */
const PLACES: Readonly<Record<string, RefusalPlace>> = {
  "10000012": { step: "place", field: "name" },
  "10000018": { step: "place", field: "description" },
  "10300067": { step: "place", field: "location" },
  "10300027": { step: "place", field: "location" },
  "10300028": { step: "place", field: "location" },
  "10300016": { step: "place", field: "location" },
  "10800128": { step: "place", field: "location" },
  "10800129": { step: "place", field: "location" },
  "10800131": { step: "place", field: "location" },
  "10300001": { step: "place" },
  "10300015": { step: "place" },
  "10300101": { step: "place" },
  "10300041": { step: "os" },
  "10300042": { step: "os", field: "osVersion" },
  "10300069": { step: "os" },
  "10300431": { step: "os" },
  "10300003": { step: "size", field: "cpus" },
  "10800125": { step: "size", field: "cpus" },
  "10300561": { step: "size", field: "coresPerSocket" },
  "10300006": { step: "size", field: "memoryMiB" },
  "10800126": { step: "size", field: "memoryMiB" },
  "10300008": { step: "disks" },
  "10300009": { step: "disks" },
  "10300010": { step: "disks" },
  "10300068": { step: "disks" },
  "10300070": { step: "disks" },
  "10300083": { step: "disks" },
  "10300284": { step: "disks" },
  "10800110": { step: "disks" },
  "10300033": { step: "disks" },
  "10300034": { step: "disks" },
  "10800109": { step: "disks" },
  "10300011": { step: "nics" },
  "10300012": { step: "nics" },
  "10300045": { step: "nics" },
  "10300047": { step: "nics" },
  "10300066": { step: "nics" },
  "10300084": { step: "nics" },
  "10300454": { step: "nics" },
  "10300344": { step: "guest", field: "password" },
  "10300345": { step: "guest", field: "hostname" },
  "10300349": { step: "guest" },
  "10300350": { step: "guest" },
  "10300351": { step: "guest" },
  "10300352": { step: "guest" },
};

/** The summary, when nothing is known of the code. */
export function placeOfRefusal(code: string): RefusalPlace {
  const place = PLACES[code];
  if (place) return place;
  // Volumes and datastores have numbers of their own.
  return { step: /^104[12]/.test(code) ? "disks" : "summary" };
}
