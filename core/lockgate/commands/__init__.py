"""Commands that look at no dataset or model, and so are no stages."""
