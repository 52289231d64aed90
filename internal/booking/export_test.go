package booking

// Encode is for the golden files.
var Encode = encode
