/** A column of a table. */
export interface Column {
  name: string;
  title: string;
  /** Its share of the width, as a track of a grid. */
  width: string;
  /** The order of the server that goes by it. */
  sort?: string;
}
