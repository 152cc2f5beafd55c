/** A square matrix, row by row. */
export type Matrix = Float64Array;

/** The lower triangle L with L Lᵀ = matrix; nothing where the matrix is not positive definite. */
export function cholesky(matrix: Matrix, size: number): Matrix | undefined {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = at(matrix, row * size + column);
      for (let k = 0; k < column; k++) rest -= at(lower, row * size + k) * at(lower, column * size + k);
      if (row !== column) lower[row * size + column] = rest / at(lower, column * size + column);
      else if (rest > 0 && rest < Number.POSITIVE_INFINITY) lower[row * size + row] = Math.sqrt(rest);
      else return undefined;
    }
  }
  return lower;
}

/** Solves L Lᵀ x = right. */
export function solve(lower: Matrix, right: Float64Array): Float64Array {
  const size = right.length;
  const x = Float64Array.from(right);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < row; k++) x[row] = at(x, row) - at(lower, row * size + k) * at(x, k);
    x[row] = at(x, row) / at(lower, row * size + row);
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) x[row] = at(x, row) - at(lower, k * size + row) * at(x, k);
    x[row] = at(x, row) / at(lower, row * size + row);
  }
  return x;
}

/** The diagonal of the inverse of L Lᵀ. */
export function inverseDiagonal(lower: Matrix, size: number): number[] {
  return Array.from({ length: size }, (_, index) => {
    const unit = new Float64Array(size);
    unit[index] = 1;
    return at(solve(lower, unit), index);
  });
}

function at(numbers: Float64Array, index: number): number {
  return numbers[index] ?? Number.NaN;
}
