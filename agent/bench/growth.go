package main

import "context"

func growth(ctx context.Context, o options) error { return nil }

func saturate(ctx context.Context, o options) error { return nil }
